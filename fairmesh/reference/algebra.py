"""The algebra of a study as JSON Schema: what its reader in `fairmesh.study` takes, for editors.

A schema does not know the application, so it takes some files that the reader refuses, and refuses none that it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairmesh.expressions import MAX_TEXT
from fairmesh.reference.models import Schema, model_schema
from fairmesh.study.notation import Range
from fairmesh.study.parameters import COMPUTED, RANGE
from fairmesh.study.rules import MATCHES
from fairmesh.study.validation import ALGEBRA
from fairmesh.study.values import FRAMEWORK_AXES, RESOURCES

WORD = ["string", "number", "boolean"]  # a text, or what is taken for one by its source text

_MEANINGS = {
    "product": "Spaces that are crossed: every point of each with every point of the others.",
    "zip": "Spaces of equal length that are paired: the first points of all, the second points of all, and so on.",
    "union": "Spaces one after the other.",
}


def ref(name: str) -> Schema:
    """Point to a definition."""
    return {"$ref": f"#/$defs/{name}"}


def study_parts() -> dict[str, Schema]:
    """Return what the keys of a study hold that its model leaves to the reader of the algebra."""
    return {
        "parameters": ref("space"),
        "derive": {"type": "object", "additionalProperties": ref("computed")},
        "exclude": {"type": "array", "items": ref("condition")},
        "include": {"type": "array", "items": ref("space")},
    }


def definitions() -> dict[str, Schema]:
    """Return the definitions that `study_parts` points to."""
    kinds = {str(schema["title"]): schema for schema in FRAMEWORK_AXES.values()}
    framework = {f"{kind}_axis": _axis(_bounds(schema), _bounds(schema)) for kind, schema in kinds.items()}
    return {"space": _space(), "axis": _axis(_any_value(), {}), **framework, **_parts(), "condition": _condition()}


def _parts() -> dict[str, Schema]:
    return {
        "range": _range(),
        "values": {
            "description": "Values computed from other axes.",
            "type": "object",
            "properties": {COMPUTED: ref("computed")},
            "required": [COMPUTED],
            "additionalProperties": False,
        },
        "notation": {
            "description": "Several values in one text, such as 1,30,60 or a[0-2].",
            "type": "string",
            "pattern": r"[,\[\]]",
        },
        "expression": {"type": "string", "minLength": 1, "maxLength": MAX_TEXT},
        "computed": {
            "description": "An expression, such as 30 + epochs * 8.",
            "type": WORD,
            "minLength": 1,
            "maxLength": MAX_TEXT,
        },
    }


def _space() -> Schema:
    several = {"type": "array", "items": ref("space"), "minItems": 1}
    one_map = {**ref("space"), "type": "object", "minProperties": 1}
    combined = {
        name: {"description": _MEANINGS[name]} | (several if name == "union" else {"anyOf": [several, one_map]})
        for name in ALGEBRA
    }
    framework = {
        name: {"description": hint(schema), **ref(f"{schema['title']}_axis")} for name, schema in FRAMEWORK_AXES.items()
    }
    return {
        "description": "A map of axes, which are crossed; beside them product, zip and union of spaces.",
        "type": "object",
        "properties": {**combined, **framework},
        "additionalProperties": ref("axis"),
    }


def _axis(value: Schema, member: Schema) -> Schema:
    """Return the schema of an axis: of its value if there is one, and of the members of a list of them."""
    return {
        "description": "A list of values, one value, a range, computed values, or Cloudmesh's notation.",
        "anyOf": [
            {"type": "array", "items": member, "minItems": 1},
            value,
            ref("range"),
            ref("values"),
            ref("notation"),
        ],
    }


def _range() -> Schema:
    above_zero = {"exclusiveMinimum": 0}
    logarithmic = {"properties": {"scale": {"const": "log"}}, "required": ["scale"]}
    return model_schema(Range) | {
        "oneOf": [{"required": ["step"]}, {"required": ["count"]}],
        "if": logarithmic,
        "then": {"properties": dict.fromkeys(("from", "to", "step"), above_zero)},
    }


def _any_value() -> Schema:
    """Return the schema of any one value: a map is one too, unless it is read as a range or as computed values."""
    ranges = [{"required": [name]} for name in sorted(RANGE - {"step", "count"})]
    computed = {"required": [COMPUTED], "maxProperties": 1}
    return {"type": [*WORD, "null", "object"], "not": {"type": "object", "anyOf": [*ranges, computed]}}


def _condition() -> Schema:
    pattern = {
        "description": "A regular expression for the whole text of the value.",
        "type": "object",
        "properties": {MATCHES: {"type": WORD}},
        "required": [MATCHES],
        "additionalProperties": False,
    }
    other = {"not": {"type": "object", "required": [MATCHES], "maxProperties": 1}}
    by_name = {"type": "object", "minProperties": 1, "additionalProperties": {"anyOf": [pattern, other]}}
    return {
        "description": "Values by name, all of which must match (a list: any of it), or an expression.",
        "anyOf": [by_name, ref("expression")],
    }


def resources(*, with_expressions: bool) -> Schema:
    """Return the schema of a map of resources.

    Parameters
    ----------
    with_expressions : bool
        Whether a whole number may be an expression instead.
    """
    properties: dict[str, Schema] = {}
    for name, schema in RESOURCES.items():
        properties[name] = {"description": hint(schema)}
        if with_expressions and schema["type"] == "integer":
            properties[name] |= {"anyOf": [_bounds(schema), ref("expression")]}
        else:
            properties[name] |= _bounds(schema)
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _bounds(schema: Mapping[str, Any]) -> Schema:
    """Return what a framework axis or resource must be, in JSON Schema's sense: a pattern there may match a part."""
    found = {key: value for key, value in schema.items() if key not in {"title", "description", "unit"}}
    if "pattern" in found:
        found |= {"type": WORD, "pattern": f"^(?:{found['pattern']})$"}
    return found


def hint(schema: Mapping[str, Any]) -> str:
    """Return the meaning of a framework axis with its unit."""
    unit = f" Unit: {schema['unit']}." if schema.get("unit") else ""
    return f"{schema['description']}{unit}"
