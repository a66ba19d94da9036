"""The type of a parameter, found from its values: Cloudmesh has none, and a text of digits is mostly a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fairmesh.files import canonical_json
from fairmesh.names import number_text
from fairmesh.schema import Node, resolve_scalar

_LARGEST = 2**53  # beyond it a float is not every whole number


def infer(nodes: Sequence[Node]) -> tuple[str, list[Any]]:
    """Return the type of a parameter, and its values in that type.

    A number in quotes is one unless that would lose something: "3.10" and "007" stay texts.

    Parameters
    ----------
    nodes : sequence of Node
        At least one value, each different as a text.

    Examples
    --------
    >>> infer([Node.from_value("1"), Node.from_value("30")])
    ('integer', [1, 30])
    >>> infer([Node.from_value("1e-3"), Node.from_value(1)])
    ('number', [0.001, 1])
    >>> infer([Node.from_value("3.9"), Node.from_value("3.10")])
    ('string', ['3.9', '3.10'])
    """
    for kind, reading in (("boolean", _boolean), ("integer", _integer), ("number", _number)):
        values = [reading(node) for node in nodes]
        if None not in values and len(set(map(canonical_json, values))) == len(nodes):
            return kind, values
    for kind, python in (("array", list), ("object", dict)):
        if all(isinstance(node.value, python) for node in nodes):
            return kind, [node.plain() for node in nodes]
    return "string", [text_of(node) for node in nodes]


def text_of(node: Node) -> str:
    """Return the text that Cloudmesh puts in place of a value."""
    if isinstance(node.value, str | bool):
        return str(node.value)
    return node.text if node.text is not None else str(node.plain())


def _boolean(node: Node) -> bool | None:
    """Read a truth; among texts only what Python writes is one, since a script compares the text."""
    if isinstance(node.value, str):
        return {"True": True, "False": False}.get(node.value)
    return node.value if isinstance(node.value, bool) else None


def _integer(node: Node) -> int | None:
    value = _scalar(node)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LARGEST else None


def _number(node: Node) -> float | None:
    value = _scalar(node)
    return value if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST else None


def _scalar(node: Node) -> Any:
    """Return a value, and for a text the number that it writes, if that writes it back."""
    if not isinstance(node.value, str):
        return node.value
    try:
        value = resolve_scalar(node.value)
    except ValueError:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    is_exact = number_text(value) == node.value or "e" in node.value.lower()
    return value if is_exact else None
