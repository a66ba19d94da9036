"""Words for people: where a key is, what stands there, what a JSON Schema allows; and text that stays text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairmesh.names import number_text
from fairmesh.schema import Node


def dotted(loc: Sequence[int | str], start: str = "") -> str:
    """Return the name of a key inside a file, or below another key.

    >>> dotted(("authors", 0, "name"))
    'authors[0].name'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)
    return (start + text).removeprefix(".")


UNREADABLE = 20  # files that cannot be read, in a message


def unreadable(problems: Sequence[str]) -> list[str]:
    """Return lines about files that cannot be read, each line once, and of very many only the first ones.

    >>> unreadable(["a: cannot be read", "a: cannot be read"])
    ['a: cannot be read']
    """
    lines = list(dict.fromkeys(problems))
    more = len(lines) - UNREADABLE
    return [*lines[:UNREADABLE], *([f"and {more} more files that cannot be read"] if more > 0 else [])]


def shown(node: Node) -> str:
    """Show a value in a message, short and on one line."""
    if isinstance(node.value, dict | list):
        return "a map" if isinstance(node.value, dict) else "a list"
    if isinstance(node.value, str):
        return repr(node.value if len(node.value) <= 60 else node.value[:57] + "...")
    if node.value is None:
        return "null"
    return node.text or str(node.value).lower()


_NOUNS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a map",
    "null": "null",
}


def phrase(schema: Mapping[str, Any]) -> str:
    """Say what a JSON Schema allows.

    >>> phrase({"type": "integer", "minimum": 1, "maximum": 8})
    'a whole number of at least 1 and at most 8'
    >>> phrase({"enum": ["adam", "sgd"]})
    "'adam' or 'sgd'"
    """
    if "enum" in schema:
        values = [repr(value) if isinstance(value, str) else shown(Node.of(value)) for value in schema["enum"]]
        return " or ".join(filter(None, (", ".join(values[:-1]), values[-1])))
    if "patternErrorMessage" in schema:
        return str(schema["patternErrorMessage"])
    kind = schema.get("type", "")
    if isinstance(kind, list | tuple):
        return " or ".join(phrase({**schema, "type": each}) for each in kind)
    noun = _NOUNS.get(kind, "something else")
    if schema.get("minLength") or schema.get("minItems"):
        noun = noun.replace("a ", "a non-empty ", 1)
    bounds = (
        ("minimum", "of at least"),
        ("exclusiveMinimum", "above"),
        ("maximum", "of at most"),
        ("exclusiveMaximum", "below"),
    )
    limits = [f"{words} {number_text(schema[key])}" for key, words in bounds if schema.get(key) is not None]
    if kind not in {"integer", "number"}:
        limits = []
    return " ".join(filter(None, (noun, " and ".join(limits).replace("and of ", "and "))))


_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", *"\uff1d\uff0b\uff0d\uff20")  # the last four are full-width
_MARKS = "\\`*_[]<>#|!~$"


def cell_text(text: str) -> str:
    """Return a text as a cell of a CSV file that no spreadsheet takes for a formula: an apostrophe stands before it.

    >>> [cell_text(text) for text in ("=cmd|' /C calc'!A0", "-1.5", "plain")]
    ["'=cmd|' /C calc'!A0", '-1.5', 'plain']
    """
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def markdown(value: Any) -> str:
    r"""Return a value as text that means nothing to Markdown, on one line.

    >>> print(markdown("a|b <c>\n*d*"))
    a\|b \<c\> \*d\*
    """
    text = " ".join(str(value).split())
    return "".join(f"\\{character}" if character in _MARKS else character for character in text)


def duration(seconds: float) -> str:
    """Return a time span as people say it.

    >>> [duration(seconds) for seconds in (0.4, 59, 90, 3700, 200000)]
    ['0 s', '59 s', '1 min 30 s', '1 h 1 min', '55 h 33 min']
    """
    minutes, rest = divmod(int(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours} h {minutes_left} min" if hours else f"{minutes} min {rest} s"


def moment(time: str) -> str:
    """Return a moment as people read it.

    >>> moment("2026-11-20T10:00:00.123Z"), moment("")
    ('2026-11-20 10:00:00 UTC', 'never')
    """
    return f"{time[:10]} {time[11:19]} UTC" if time else "never"
