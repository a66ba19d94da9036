"""Models of files: pydantic models with errors as plain lines with positions.

Descriptions of allowed values come from the JSON Schema of the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError
from pydantic_core import ErrorDetails

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.schema import Node
from fairmesh.schema.wording import describe_schema, describe_value, dotted_name


class Model(BaseModel):
    """Base of all models of files: no unknown keys, no conversions, no changes afterwards."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


ModelT = TypeVar("ModelT", bound=Model)


def matching(pattern: str, words: str) -> Any:
    """Return a field for texts of a pattern, which messages and editors describe in words."""
    return Field(pattern=pattern, json_schema_extra={"patternErrorMessage": words})


def _named(pattern: str, words: str) -> Any:
    """Return a field with a pattern and its description, which editors show."""
    return matching(pattern, f"a name of at most 100 {words}")


def meaning(sentence: str, *examples: Any) -> Any:
    """Return a field with the meaning of a key and examples, for editors and the reference pages."""
    return Field(description=sentence, examples=list(examples) or None)


Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1)]

# Tags of a union of one value and a list of values; they occur in pydantic's locations, not in files.
_ONE, _MANY = "<one>", "<many>"
One, Many = Tag(_ONE), Tag(_MANY)
OneOrMany = Discriminator(lambda value: _MANY if isinstance(value, list) else _ONE)
SafeName = Annotated[
    str,
    _named(
        r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$",
        "letters, digits, '.', '_' and '-' that begins with a letter or digit",
    ),
]
Identifier = Annotated[
    str, _named(r"^[A-Za-z][A-Za-z0-9_]{0,99}$", "letters, digits and '_' that begins with a letter")
]


def load_model(model: type[ModelT], node: Node, file: Path | str) -> ModelT:
    """Check the content of a file against its model.

    Parameters
    ----------
    model : type of Model
        The model of the file.
    node : Node
        Its content.
    file : Path or str
        Its name, for the messages.

    Raises
    ------
    InputError
        With every mistake: file, line, column, key, what is allowed, and the nearest known key.

    Examples
    --------
    >>> class Study(Model):
    ...     repeat: Annotated[int, Field(ge=1)] = 1
    >>> load_model(Study, Node.from_value({"repeat": 5}), "study.yaml").repeat
    5
    >>> try:
    ...     load_model(Study, Node.from_value({"repeat": "x"}), "study.yaml")
    ... except InputError as error:
    ...     print(error)
    study.yaml: 'repeat' must be a whole number of at least 1, not 'x'
    """
    loaded, problems = check_model(model, node, file)
    if loaded is None:
        raise InputError(problems)
    return loaded


def check_model(
    model: type[ModelT], node: Node, file: Path | str, key: str = ""
) -> tuple[ModelT | None, list[Problem]]:
    """Check like `load_model`, but return the problems instead of raising them.

    Parameters
    ----------
    key : str
        The key of the node in the file, for messages; empty for the whole file.
    """
    data = node.plain()
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        errors = error.errors(include_url=False)
    if _use_source_text(data, node, errors):
        try:
            return model.model_validate(data), []
        except ValidationError as error:
            errors = error.errors(include_url=False)
    schema = model.model_json_schema()
    return None, [_problem(error, schema, node, file, key) for error in errors]


def _use_source_text(data: Any, node: Node, errors: Sequence[ErrorDetails]) -> bool:
    """Replace plain scalars by their source texts where texts are required; return whether there was one."""
    changed = False
    for error in errors:
        loc = _place_in_file(error)
        target = _walk(node, loc)
        if error["type"] == "string_type" and loc and target.text and target.value is not None:
            parent = data
            for step in loc[:-1]:
                parent = parent[step]
            parent[loc[-1]] = target.text
            changed = True
    return changed


def _place_in_file(error: ErrorDetails) -> tuple[int | str, ...]:
    return tuple(step for step in error["loc"] if step not in {_ONE, _MANY})


def _problem(error: ErrorDetails, root: Mapping[str, Any], node: Node, file: Path | str, key: str) -> Problem:
    """Return one of pydantic's errors as a problem with its position."""
    loc = _place_in_file(error)
    kind = error["type"]
    name = repr(dotted_name(loc, key)) if loc or key else "the file"
    parent = _walk(node, loc[:-1])
    if loc and loc[-1] == "[key]":
        names = _subschema(root, loc[:-2]).get("propertyNames", {})
        where = _walk(node, loc[:-2]).key_place(file, str(loc[-2]))
        return Problem(f"{dotted_name(loc[:-1], key)!r} must be {describe_schema(names)}", where)
    if kind == "missing":
        return Problem(f"{name} is missing", parent.place(file))
    if kind == "extra_forbidden":
        known = list(_subschema(root, loc[:-1]).get("properties", {}))
        given = str(loc[-1])
        return Problem(f"unknown key {name}", parent.key_place(file, given), ", ".join(known), nearest(given, known))
    target = _walk(node, loc)
    if kind == "value_error":
        return Problem(f"{name} {error['ctx']['error']}", target.place(file))
    schema = _subschema(root, loc)
    near = nearest(str(target.value), map(str, schema.get("enum", ())))
    return Problem(
        f"{name} must be {describe_schema(schema)}, not {describe_value(target)}", target.place(file), near=near
    )


def _walk(node: Node, loc: Sequence[int | str]) -> Node:
    """Return the node at a location, or the innermost one that exists."""
    for step in loc:
        if isinstance(step, int) and step < len(node.members):
            node = node.members[step]
        elif step in node.entries:
            node = node.entries[str(step)]
    return node


def _subschema(root: Mapping[str, Any], loc: Sequence[int | str]) -> Mapping[str, Any]:
    """Return the part of a JSON Schema for a location."""
    schema = _resolved(root, root)
    for step in loc:
        if isinstance(step, int):
            schema = next((choice for choice in schema.get("oneOf", ()) if "items" in choice), schema).get("items", {})
        else:
            schema = schema.get("properties", {}).get(step) or _any_key(schema)
        schema = _resolved(schema, root)
    return next(iter(schema.get("oneOf", [schema])))


def _any_key(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    patterns: Mapping[str, Any] = schema.get("patternProperties", {})
    subschema: Any = next(iter(patterns.values()), schema.get("additionalProperties"))
    return subschema if isinstance(subschema, Mapping) else {}


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Follow references; of a choice with null, return the other."""
    if "anyOf" in schema:
        schema = next(choice for choice in schema["anyOf"] if choice.get("type") != "null")
    if "$ref" in schema:
        return _resolved(root["$defs"][schema["$ref"].rsplit("/", 1)[-1]], root)
    return schema
