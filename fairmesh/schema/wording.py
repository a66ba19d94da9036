"""Descriptions of keys, values and JSON Schemas, for messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fairmesh.names import number_text
from fairmesh.schema import Node


def dotted_name(loc: Sequence[int | str], start: str = "") -> str:
    """Return the name of a key inside a file, or below another key.

    >>> dotted_name(("authors", 0, "name"))
    'authors[0].name'
    """
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in loc)
    return (start + text).removeprefix(".")


def describe_value(node: Node) -> str:
    """Return a value for a message, short and on one line."""
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


def describe_schema(schema: Mapping[str, Any]) -> str:
    """Describe what a JSON Schema allows.

    >>> describe_schema({"type": "integer", "minimum": 1, "maximum": 8})
    'a whole number of at least 1 and at most 8'
    >>> describe_schema({"enum": ["adam", "sgd"]})
    "'adam' or 'sgd'"
    """
    if "enum" in schema:
        values = [
            repr(value) if isinstance(value, str) else describe_value(Node.from_value(value))
            for value in schema["enum"]
        ]
        return " or ".join(filter(None, (", ".join(values[:-1]), values[-1])))
    if "patternErrorMessage" in schema:
        return str(schema["patternErrorMessage"])
    kind = schema.get("type", "")
    if isinstance(kind, list | tuple):
        return " or ".join(describe_schema({**schema, "type": name}) for name in kind)
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
