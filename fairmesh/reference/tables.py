"""The tables of the reference pages, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fairmesh.reference import calls
from fairmesh.reference.models import Schema
from fairmesh.schema import dump_yaml
from fairmesh.schema.wording import describe_schema
from fairmesh.study.values import RESOURCES


def keys(schema: Schema) -> str:
    """Return the table of a map's keys: what each holds, its default, its meaning and examples."""
    required = schema.get("required", ())
    rows = []
    for key, value in schema["properties"].items():
        examples = " ".join(f"`{key}: {flow(example)}`" for example in value.get("examples", ()))
        default = "required" if key in required else _default(value.get("default"))
        meaning = value["description"] + (f" Such as {examples.replace('` `', '` or `')}" if examples else "")
        rows.append((f"`{key}`", words(value), default, meaning))
    return table(("key", "value", "default", "meaning"), rows)


def functions() -> str:
    """Return the table of the functions of expressions."""
    rows = [(f"`{call}`", meaning, f"`{example}`") for call, meaning, example in calls.rows()]
    return table(("call", "meaning", "example"), rows)


def resources() -> str:
    """Return the table of resources."""
    rows = [
        (
            f"`{name}`",
            "text" if resource["type"] == "string" else "whole number",
            resource.get("unit", ""),
            resource["description"],
        )
        for name, resource in RESOURCES.items()
    ]
    return table(("resource", "value", "unit", "meaning"), rows)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown.

    >>> print(table(("a", "b"), [("1", "x")]))
    | a | b |
    |---|---|
    | 1 | x |
    """
    lines = [heads, *rows]
    return "\n".join(
        ["| " + " | ".join(cells) + " |" for cells in lines[:1]]
        + ["|" + "---|" * len(heads)]
        + ["| " + " | ".join(cells) + " |" for cells in lines[1:]]
    )


def flow(value: Any) -> str:
    """Return a value as YAML in one line.

    >>> flow({"a100": ["x", "1", 1e-05]})
    '{a100: [x, "1", 1.0e-05]}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{flow(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return dump_yaml(value).strip()


def words(schema: Mapping[str, Any]) -> str:
    """Describe what a value may be, with links to the maps that are described on the same page.

    >>> words({"type": "array", "items": {"$ref": "#/$defs/Author"}})
    'a list of [Author](#author)'
    """
    choices = [choice for choice in schema.get("anyOf", schema.get("oneOf", ())) if choice.get("type") != "null"]
    if choices:
        one, *several = map(words, choices)
        return f"{one}, or a list of them" if several else one
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f"[{name}](#{name.lower()})"
    if schema.get("items"):
        return f"{describe_schema(schema)} of {_plural(words(schema['items']))}"
    inner = _by_any_name(schema)
    if isinstance(inner, Mapping):
        return f"{describe_schema(schema)} of names to {_plural(words(inner))}"
    if "enum" in schema:
        *others, last = (f"`{flow(value)}`" for value in schema["enum"])
        return f"{', '.join(others)} or {last}"
    return describe_schema(schema) if "type" in schema else "any value"


def _by_any_name(schema: Mapping[str, Any]) -> Any:
    patterns: Mapping[str, Any] = schema.get("patternProperties", {})
    return next(iter(patterns.values()), schema.get("additionalProperties"))


def _default(value: Any) -> str:
    return "" if value in (None, "", [], {}) else f"`{flow(value)}`"


def _plural(text: str) -> str:
    return {"a text": "texts", "a non-empty text": "texts", "a map": "maps", "a number": "numbers"}.get(text, text)
