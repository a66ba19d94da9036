"""Text from users and programs, made safe for pages, charts, scripts and LaTeX.

MkDocs reads Markdown, passes HTML through and puts titles into its theme unescaped. Therefore each value that a
template prints is written in characters without meaning in either language: letters and digits as they are, the rest
as numeric character references.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from markupsafe import Markup

# Control characters except tab and line breaks; characters that change the direction of writing, with which a text can
# imitate another one; surrogates, which no file in UTF-8 can hold; and noncharacters.
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
# The same in JSON, which escapes some of them; a match may be a harmless text such as "\\b".
_PERHAPS_UNSAFE = re.compile(rf"{_UNSAFE.pattern}|\\u00|\\[bf]")


def safe_text(text: str) -> str:
    r"""Return a text in which a mark replaces each character that controls or breaks its display.

    >>> safe_text("a\x1b[31mb\n")
    'a�[31mb\n'
    """
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def compact_json(value: Any, *, ascii_only: bool = False) -> str:
    r"""Return a value as compact JSON with `safe_text` applied to its texts.

    >>> compact_json({"a\x00": ["b\x1b", 1]})
    '{"a�":["b�",1]}'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    if _PERHAPS_UNSAFE.search(text):
        value = _plain(value)
    elif not ascii_only:
        return text
    return json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=ascii_only)


def _plain(value: Any) -> Any:
    """Return a JSON value with `safe_text` applied to its texts."""
    if isinstance(value, str):
        return safe_text(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(member) for key, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list | tuple) else value


# Kept besides letters and digits: single spaces, characters without any meaning, a point or hyphen inside a word.
_SPECIAL = re.compile(r"(?!(?<=[^\W_])[.\-](?=[^\W_]))(?:[^\w ,/%()]|_)|(?<!\S) | \Z")
_ADDRESS = re.compile(r"(https://[\w.~/?#@!$&*+,;=:%-]*[\w/])", re.ASCII)


def escape(value: Any) -> Markup:
    """Return a value as text that is the same in Markdown, in HTML and in a quoted attribute.

    >>> escape("<b>*1.5*</b>")
    Markup('&#60;b&#62;&#42;1.5&#42;&#60;/b&#62;')
    """
    if isinstance(value, Markup):
        return value
    text = "" if value is None else safe_text(str(value))
    return Markup(_SPECIAL.sub(lambda match: f"&#{ord(match[0])};", text))  # noqa: S704  (this is the escaping)


def linked(text: Any) -> Markup:
    """Return an escaped text with its addresses as links.

    >>> linked("see https://doi.org/10.1/x.")
    Markup('see&#32;<a href="https&#58;//doi.org/10.1/x">https&#58;//doi.org/10.1/x</a>&#46;')
    """
    parts = _ADDRESS.split("" if text is None else str(text))
    return Markup().join(
        Markup('<a href="{0}">{0}</a>').format(escape(part)) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )


def script_json(value: Any) -> Markup:
    """Return a value as JSON that cannot end the script element around it."""
    text = compact_json(value, ascii_only=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "±": r"$\pm$",
    "\N{EN DASH}": r"\textendash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}


def escape_latex(text: str) -> str:
    r"""Return a text without meaning to LaTeX, on one line.

    >>> print(escape_latex("50 % of a_b \\input{x}"))
    50 \% of a\_b \textbackslash{}input\{x\}
    """
    plain = "".join(c if c == " " or unicodedata.category(c)[0] != "C" else " " for c in " ".join(text.split()))
    escaped = "".join(_LATEX.get(character, character) for character in plain)
    return re.sub("(?<=-)(?=-)", "{}", escaped)  # two hyphens would become a dash
