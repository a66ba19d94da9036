"""The JSON Schemas of models, for people: without what pydantic adds for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

Schema = dict[str, Any]


class _Generator(GenerateJsonSchema):
    """Leaves out the titles that pydantic makes of the names of keys."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def model_schema(model: Any) -> Schema:
    """Return the schema of a model, of the keys that this version supports.

    >>> from fairmesh.study.notation import Range
    >>> model_schema(Range)["properties"]["to"]
    {'description': 'The last value.', 'examples': [0.5], 'type': 'number'}
    """
    schema: Schema = TypeAdapter(model).json_schema(schema_generator=_Generator)
    for part in parts(schema):
        if "description" in part:
            part["description"] = " ".join(part["description"].replace("``", "`").split())
        properties = part.get("properties", {})
        for key in [key for key, value in properties.items() if value.get("not") == {}]:
            del properties[key]
        for value in properties.values():
            if isinstance(value.get("default"), dict | None):  # nothing that an editor should fill in
                value.pop("default", None)
    return schema


def parts(schema: Schema) -> Iterator[Schema]:
    """Yield the schema of a file and those of the maps in it."""
    yield schema
    yield from schema.get("$defs", {}).values()
