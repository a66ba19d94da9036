"""A study that is edited in a form: fields show its simple values, and changed fields replace them in the text.

Values that a field cannot show, such as ranges, nested lists and the algebra of axes, stay as they are in the text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.api.uploads import FILE
from fairmesh.errors import InputError
from fairmesh.names import plain_text
from fairmesh.schema import Node, Scalar, dump_yaml, parse_yaml, resolve_scalar
from fairmesh.study.application import Application
from fairmesh.study.notation import expand_notation, is_notation
from fairmesh.study.validation import ALGEBRA
from fairmesh.study.values import FRAMEWORK_AXES, Schema, declared_types

SHOWN_KEYS = ("study", "title", "application", "parameters", "repeat", "exclude", "measure")
EMPTY = Node({})
_YAML = ("{", "[[", "[{", '["', "['")  # a single bracket is Cloudmesh's notation


@dataclass(frozen=True)
class Draft:
    """A study that is being edited.

    Parameters
    ----------
    node : Node
        Its content; an empty map if the text is no map.
    """

    node: Node

    @classmethod
    def of(cls, text: str) -> Draft:
        """Read a text.

        Raises
        ------
        InputError
            If it is not YAML.
        """
        node = parse_yaml(text, FILE) if text.strip() else EMPTY
        return cls(node if isinstance(node.value, dict) else EMPTY)

    def text_of(self, key: str) -> str:
        """Return the text of a key; empty if it is missing or no text."""
        node = self.node.entries.get(key)
        return "" if node is None or isinstance(node.value, dict | list | None) else node.text or str(node.value)

    @property
    def repeat(self) -> int:
        """The number of repeats of each point."""
        value = self.node.entries.get("repeat", EMPTY).value
        return value if type(value) is int and value > 0 else 1

    @property
    def axes(self) -> dict[str, Node]:
        """The axes of the study's parameters outside of the algebra, by the names that the study uses."""
        parameters = self.node.entries.get("parameters", EMPTY).entries
        return {name: node for name, node in parameters.items() if name not in ALGEBRA}

    @property
    def hidden_keys(self) -> list[str]:
        """The keys that the form does not show and keeps."""
        parameters = self.node.entries.get("parameters", EMPTY).entries
        return [
            *(name for name in self.node.entries if name not in SHOWN_KEYS),
            *(name for name in parameters if name in ALGEBRA),
        ]

    @property
    def exclude_text(self) -> str | None:
        """The exclusions, a line each; None if lines cannot express them."""
        members = self.node.entries.get("exclude", EMPTY).plain() or []
        if not isinstance(members, list):
            return None
        lines = "\n".join(member if isinstance(member, str) else json.dumps(member) for member in members)
        return lines if repr(parse_exclusions(lines)) == repr(members) else None

    def updated(self, keys: Mapping[str, Any], axes: Mapping[str, Any]) -> str:
        """Return the text with other values.

        Parameters
        ----------
        keys, axes : mapping
            Values of the study and of its parameters; None and empty values remove a key.
        """
        content = self.node.plain()
        if axes:
            parameters = content.get("parameters")
            parameters = parameters if isinstance(parameters, dict) else {}
            keys = {**keys, "parameters": _without_empty({**parameters, **axes}, axes)}
        merged = _without_empty({**content, **keys}, keys)
        first = [name for name in SHOWN_KEYS if name in merged]
        ordered = {name: merged[name] for name in [*first, *(name for name in merged if name not in SHOWN_KEYS)]}
        return dump_yaml(ordered) if ordered else ""

    def for_application(self, application: Application) -> Draft:
        """Return the draft without axes that the application does not have."""
        known: Sequence[str] = [*application.known_names, *FRAMEWORK_AXES, *ALGEBRA]
        parameters = self.node.entries.get("parameters", EMPTY).entries
        kept = Node({name: node for name, node in parameters.items() if name in known})
        return Draft(Node({**self.node.entries, "parameters": kept}))


def _without_empty(content: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in changed or value not in (None, "", [], {})}


def parse_exclusions(text: str) -> list[Any]:
    r"""Return the exclusions of lines: maps and expressions.

    >>> parse_exclusions("{gpu: v100, epochs: 60}\n\nepochs > 3")
    [{'gpu': 'v100', 'epochs': 60}, 'epochs > 3']
    """
    return [
        _parse_flow(line.strip()) if line.startswith("{") else line.strip()
        for line in text.splitlines()
        if line.strip()
    ]


def _parse_flow(text: str) -> Any:
    """Return the value of YAML on one line; of wrong YAML the text, since the study's own check explains it."""
    try:
        return parse_yaml(text, Path("field")).plain()
    except InputError:
        return text


def parse_field(text: str, schema: Schema) -> Any:
    """Return the value of a field, as a study file has it.

    Parameters
    ----------
    text : str
        Values between commas, Cloudmesh's brackets, or YAML that begins with ``{``, ``[[`` or ``["``.
    schema : mapping
        The schema of a value.

    Examples
    --------
    >>> parse_field("1, 30, 60", {"type": "integer"}), parse_field("1e-3", {"type": "number"})
    ([1, 30, 60], 0.001)
    >>> parse_field("{from: 1, to: 9, step: 2}", {"type": "integer"})
    {'from': 1, 'to': 9, 'step': 2}
    """
    text = text.strip()
    if text.startswith(_YAML) or {"array", "object"} & set(declared_types(schema)):
        return _parse_flow(text)
    try:
        return (
            [_parse_scalar(part, schema) for part in expand_notation(text)]
            if is_notation(text)
            else _parse_scalar(text, schema)
        )
    except ValueError:
        return text


def _parse_scalar(text: str, schema: Schema) -> Scalar:
    """Return the value of a scalar; a string parameter keeps its text."""
    types = declared_types(schema)
    if "string" in types and not ("null" in types and text == "null"):
        return text
    try:
        return resolve_scalar(text)
    except ValueError:
        return text


def field_text(node: Node, schema: Schema) -> str | None:
    """Return the text of a field that shows a value or a list of them; None if a field cannot show it.

    Examples
    --------
    >>> field_text(Node.from_value([1, 30]), {"type": "integer"})
    '1, 30'
    >>> field_text(Node.from_value({"values": "a * 2"}), {"type": "number"}) is None
    True
    """
    nodes = node.members if isinstance(node.value, list) else [node]
    if any(isinstance(item.value, dict | list) for item in nodes):
        return None
    text = ", ".join(item.text or plain_text(item.value) for item in nodes)
    if isinstance(node.value, str) and is_notation(node.value):
        return text
    values = [_parse_scalar(item.text, schema) if item.text else item.value for item in nodes]
    meaning = values if isinstance(node.value, list) else values[0]
    is_exact = bool(text.strip()) and "\n" not in text and repr(parse_field(text, schema)) == repr(meaning)
    return text if is_exact else None


def is_same_study(text: str, other: str) -> bool:
    """Return whether two texts have the same content."""
    try:
        return text.strip() == other.strip() or Draft.of(text).node.plain() == Draft.of(other).node.plain()
    except InputError:
        return False
