"""Text of a user's making gets into a page here and nowhere else: as text, whatever it says.

MkDocs reads Markdown, lets HTML through, and puts titles into its theme without escaping. So every value that a
template prints is written in characters that mean nothing in either language: letters and digits as they are, the rest
as numeric character references.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Sequence
from typing import Any

import jinja2
from markupsafe import Markup

from fairmesh.site import numbers, sentences
from fairmesh.site.plain import plain_json, plain_text

# Left alone besides letters and digits: single spaces, characters without any meaning, a point or hyphen inside a word.
_SPECIAL = re.compile(r"(?!(?<=[^\W_])[.\-](?=[^\W_]))(?:[^\w ,/%()]|_)|(?<!\S) | \Z")
_ADDRESS = re.compile(r"(https://[\w.~/?#@!$&*+,;=:%-]*[\w/])", re.ASCII)


def escape(value: Any) -> Markup:
    """Return a value as text that is the same in Markdown, in HTML and in a quoted attribute.

    >>> escape("<b>*1.5*</b>")
    Markup('&#60;b&#62;&#42;1.5&#42;&#60;/b&#62;')
    """
    if isinstance(value, Markup):
        return value
    text = "" if value is None else plain_text(str(value))
    return Markup(_SPECIAL.sub(lambda found: f"&#{ord(found[0])};", text))  # noqa: S704  (this is the escaping)


def linked(text: Any) -> Markup:
    """Return a text like ``escape``, with its addresses as links.

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
    text = plain_json(value, ascii_only=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704


def command(words: Sequence[Any]) -> str:
    """Return a command as a shell takes it, the program without its folder.

    >>> command(["/opt/bin/snakemake", "--config", "title=a b"])
    "snakemake --config 'title=a b'"
    >>> command(["/lib/snakemake/__main__.py", "-n"])  # python -m snakemake
    'snakemake -n'
    """
    first, *rest = map(str, words)
    return shlex.join([first.removesuffix("/__main__.py").rsplit("/", 1)[-1], *rest])


def environment(no_charts: str = "") -> jinja2.Environment:
    """Return the environment of the page templates: all they print goes through ``escape``.

    Parameters
    ----------
    no_charts : str
        Why pages have no charts that a script draws; empty if they have.
    """
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("fairmesh.site"),
        autoescape=True,
        finalize=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "interval": numbers.interval_of,
        "front_matter": lambda text: Markup(json.dumps(escape(text))),  # noqa: S704
        "linked": linked,
        "script_json": script_json,
        "number": numbers.number,
        "spread": numbers.spread,
        "size": numbers.size,
        "value": numbers.value,
        "duration": sentences.duration,
        "command": command,
    }
    made.globals |= {"headline": sentences.headline, "remarks": sentences.remarks, "no_charts": no_charts}
    return made
