"""Text of programs and studies, made safe for pages and charts: one control character ends a chart renderer."""

from __future__ import annotations

import json
import re
from typing import Any

# Control characters but for tab and line breaks; characters that turn the direction of writing, with which a text can
# look like another one; half characters, which no file in UTF-8 can hold; and what is never a character.
_UNSAFE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
# The same in a JSON text, in which some of them are escaped; a match may be a harmless text such as "\\b".
_PERHAPS_UNSAFE = re.compile(rf"{_UNSAFE.pattern}|\\u00|\\[bf]")


def plain_text(text: str) -> str:
    r"""Return a text with a mark in place of each character that steers or breaks what shows it.

    >>> plain_text("a\x1b[31mb\n")
    'a�[31mb\n'
    """
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def plain_json(value: Any, *, ascii_only: bool = False) -> str:
    r"""Return a value as compact JSON whose texts are as `plain_text` makes them.

    >>> plain_json({"a\x00": ["b\x1b", 1]})
    '{"a�":["b�",1]}'
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    if _PERHAPS_UNSAFE.search(text):
        value = _plain(value)
    elif not ascii_only:
        return text
    return json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=ascii_only)


def _plain(value: Any) -> Any:
    """Return a value of JSON with plain texts in it."""
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        return {_plain(key): _plain(member) for key, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list | tuple) else value
