"""The JSON Schemas of the files that people write, from the models that check them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fairmesh.reference.algebra import (
    WORD,
    definitions,
    ref,
    resources,
    study_parts,
)
from fairmesh.reference.models import Schema, model_schema
from fairmesh.study.application import ApplicationFile
from fairmesh.study.machines import KEYS_OF_KIND, REQUIRED_KEYS, MachinesByName
from fairmesh.study.settings import Config
from fairmesh.study.studyfile import StudyFile

SCHEMAS = Path("workflow/schemas")
DRAFT = "https://json-schema.org/draft/2020-12/schema"

FILES: dict[str, tuple[str, Any]] = {
    "study": ("Study", StudyFile),
    "application": ("Application", ApplicationFile),
    "machines": ("Machines", MachinesByName),
    "config": ("Configuration", Config),
}
"""The files by name of their schema: a title and the model."""


def narrow(name: str) -> Schema:
    """Return the schema of a file's model as it stands.

    >>> list(narrow("config")["properties"])[:3]
    ['study', 'results', 'site']
    """
    return model_schema(FILES[name][1])


def editor_schema(name: str) -> Schema:
    """Return the schema of a file as editors read it.

    >>> editor_schema("study")["$id"]
    'study.schema.json'
    """
    schema: Schema = _widened(narrow(name))
    _COMPLETE[name](schema)
    words = {"title": FILES[name][0], "description": schema.get("description", "Places where jobs run, by name.")}
    return {"$schema": DRAFT, "$id": f"{name}.schema.json", **words, **(schema | words)}


def json_text(schema: Schema) -> str:
    """Return the text of a schema file."""
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


_DATA = {"examples", "required"}  # whose lists hold no schemas


def _widened(schema: Any) -> Any:
    """Allow what our reader takes besides: the source text of a scalar where a text is wanted, null for its name."""
    if isinstance(schema, list):
        return [_widened(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    wide: Schema = {
        key: value if key in _DATA and isinstance(value, list) else _widened(value) for key, value in schema.items()
    }
    if "null" in wide.get("enum", ()):
        return {key: value for key, value in wide.items() if key != "type"} | {"enum": [*wide["enum"], None]}
    if wide.get("type") == "string" and "enum" not in wide:
        wide["type"] = WORD
    if "patternProperties" in wide:
        ((pattern, value),) = wide.pop("patternProperties").items()
        wide |= {"additionalProperties": value, "propertyNames": {"pattern": pattern, **wide["propertyNames"]}}
    return wide


def _put(properties: Schema, parts: dict[str, Schema]) -> None:
    """Put parts in the place of what the model says of some keys; its words stay."""
    for key, part in parts.items():
        words = {word: text for word, text in properties[key].items() if word in {"description", "examples"}}
        properties[key] = {**words, **part}


def _complete_study(schema: Schema) -> None:
    _put(schema["properties"], study_parts())
    schema["$defs"] |= definitions()


def _complete_application(schema: Schema) -> None:
    schema["oneOf"] = [{"required": ["command"]}, {"required": ["stages"]}]
    schema["$defs"] |= {"resources": resources(with_expressions=True), "expression": definitions()["expression"]}
    for part in (schema, schema["$defs"]["Stage"]):
        _put(part["properties"], {"resources": ref("resources")})


def _complete_machines(schema: Schema) -> None:
    schema["$defs"]["resources"] = resources(with_expressions=False)
    asked = {"gpus": {"type": "object", "additionalProperties": ref("resources")}, "resources": ref("resources")}
    machine = schema["$defs"]["Machine"]
    _put(machine["properties"], asked)
    machine["allOf"] = [_kind_rule(kind) for kind in machine["properties"]["kind"]["enum"]]


def _kind_rule(kind: str) -> Schema:
    """Return what a machine of a kind must have and cannot have."""
    own = KEYS_OF_KIND.get(kind, ())
    others = sorted({key for keys in KEYS_OF_KIND.values() for key in keys} - {*own})
    rule: Schema = {"properties": dict.fromkeys(others, False), "required": list(REQUIRED_KEYS.get(kind, ()))}
    return {"if": {"properties": {"kind": {"const": kind}}}, "then": rule}


def _complete_config(schema: Schema) -> None:
    used = ("axis", "range", "values", "notation", "computed")
    schema["$defs"] |= {name: part for name, part in definitions().items() if name in used}
    _put(schema["properties"], {"set": {"type": "object", "additionalProperties": ref("axis")}})


_COMPLETE: dict[str, Callable[[Schema], None]] = {
    "study": _complete_study,
    "application": _complete_application,
    "machines": _complete_machines,
    "config": _complete_config,
}
