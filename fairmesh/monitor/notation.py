"""The values of one axis as a text in a field: ``1, 30, 60``, ``[1-5]``, ``{from: 1, to: 9, step: 2}``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fairmesh.errors import InputError
from fairmesh.names import value_text
from fairmesh.schema import Node, Scalar, parse_yaml, resolve_scalar
from fairmesh.study.notation import expand_notation, is_notation
from fairmesh.study.values import Schema, declared_types

_YAML = ("{", "[[", "[{", '["', "['")  # a bracket alone is Cloudmesh's
_LISTS = {"array", "object"}


def to_value(text: str, schema: Schema) -> Any:
    """Return what a text in a field means, as a study file has it.

    Parameters
    ----------
    text : str
        Values between commas, Cloudmesh's brackets, or YAML that begins with ``{``, ``[[`` or ``["``.
    schema : mapping
        What a value must be.

    Examples
    --------
    >>> to_value("1, 30, 60", {"type": "integer"}), to_value("1e-3", {"type": "number"})
    ([1, 30, 60], 0.001)
    >>> to_value("{from: 1, to: 9, step: 2}", {"type": "integer"})
    {'from': 1, 'to': 9, 'step': 2}
    """
    text = text.strip()
    if text.startswith(_YAML) or _LISTS & set(declared_types(schema)):
        try:
            return parse_yaml(text, Path("field")).plain()
        except InputError:
            return text  # the study's own check tells what is wrong
    if is_notation(text):
        try:
            return [_scalar(each, schema) for each in expand_notation(text)]
        except ValueError:
            return text
    return _scalar(text, schema)


def _scalar(text: str, schema: Schema) -> Scalar:
    """Return a plain scalar; for a text it stays the text that it is."""
    if "string" in declared_types(schema) and not ("null" in declared_types(schema) and text == "null"):
        return text
    try:
        return resolve_scalar(text)
    except ValueError:
        return text


def to_text(node: Node, schema: Schema) -> str | None:
    """Return the text that means the same as what a study file has; None if a field cannot say it.

    Examples
    --------
    >>> to_text(Node.from_value([1, 30]), {"type": "integer"})
    '1, 30'
    >>> to_text(Node.from_value({"values": "a * 2"}), {"type": "number"})
    '{values: "a * 2"}'
    """
    found = next((text for text in _ways(node) if _says(text, node, schema)), None)
    return None if found is None or "\n" in found else found


def _ways(node: Node) -> list[str]:
    if isinstance(node.value, dict):
        pairs = (f"{name}: {_flow(each)}" for name, each in node.entries.items())
        return [f"{{{', '.join(pairs)}}}", _json(node)]
    if isinstance(node.value, list):
        return [", ".join(map(_plain, node.members)), _json(node)]
    return [_plain(node), _json(node)]


def _plain(node: Node) -> str:
    return node.text or (node.value if isinstance(node.value, str) else value_text(node.plain()))


def _flow(node: Node) -> str:
    return node.text or _json(node)


def _json(node: Node) -> str:
    return json.dumps(node.plain(), ensure_ascii=False)


def _says(text: str, node: Node, schema: Schema) -> bool:
    """Return whether a text is read as what the file has: a list, or values that each are what was written."""
    if not text.strip():
        return False
    return repr(to_value(text, schema)) == repr(_meant(node, schema))  # 1, 1.0 and true are three


def _meant(node: Node, schema: Schema) -> Any:
    """Return what stands in a file as a field would give it: Cloudmesh's notation is expanded, and texts are texts."""
    if isinstance(node.value, list):
        return [_meant_scalar(each, schema) for each in node.members]
    if isinstance(node.value, str) and is_notation(node.value):
        return to_value(node.value, schema)
    return _meant_scalar(node, schema)


def _meant_scalar(node: Node, schema: Schema) -> Any:
    if isinstance(node.value, dict | list):
        return node.plain()
    return _scalar(node.text, schema) if node.text else node.value
