"""The ``experiment:`` block of a ``cms ee`` file: axes of the study and parameters of the application."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairmesh.cloudmesh.draft import Draft, DraftParameter
from fairmesh.errors import Problem
from fairmesh.files import canonical_json
from fairmesh.names import REPEAT, number_text
from fairmesh.schema import Node, resolve_scalar
from fairmesh.schema.wording import describe_value
from fairmesh.study.notation import expand_notation, is_notation
from fairmesh.study.references import EXPERIMENT, References
from fairmesh.study.values import FRAMEWORK_AXES, GPU, RESOURCES, read_value

DIRECTIVE = "directive"
CARD = "card_name"
GPU_KEYS = (GPU, DIRECTIVE, CARD)
"""Keys that name a GPU; the first one that does is the axis ``gpu``."""

_LARGEST = 2**53  # beyond it a float does not represent every whole number


@dataclass
class Key:
    """A key of the block.

    Parameters
    ----------
    name : str
        Its name in the block.
    nodes : list of Node
        Its values.
    parameter : str
        The parameter that it becomes; empty for an axis of the framework that the program does not use.
    axis : str
        The axis of the framework, or the resource, that it becomes; empty for a parameter.
    """

    name: str
    nodes: list[Node]
    parameter: str = ""
    axis: str = ""

    @property
    def origin(self) -> str:
        """The name of the key in the file."""
        return f"{EXPERIMENT}.{self.name}"

    @property
    def texts(self) -> list[str]:
        """The texts of the values, as Cloudmesh fills them in."""
        return [text_of(node) for node in self.nodes]


@dataclass
class Block:
    """The keys of the block by name, in the file's order."""

    keys: dict[str, Key] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of experiments in Cloudmesh."""
        return math.prod(len(key.nodes) for key in self.keys.values())


def read_block(node: Node, references: References, problems: list[Problem], notes: list[str]) -> Block:
    """Read the values of all keys, and collect the mistakes."""
    block = Block()
    if not node.entries:
        given = "an empty one" if node.value in ({}, []) else describe_value(node)
        problems.append(Problem(f"'{EXPERIMENT}' must be a map of what is varied, not {given}", node.source))
    for name, value in node.entries.items():
        count = len(problems)
        nodes = _read_values(f"{EXPERIMENT}.{name}", references.filled(value), problems, notes)
        if len(problems) == count:
            block.keys[name] = Key(name, nodes)
    return block


def _read_values(key: str, node: Node, problems: list[Problem], notes: list[str]) -> list[Node]:
    """Return the values of a key, without the duplicates that Cloudmesh drops."""
    members = _expand(key, node, problems) if isinstance(node.value, str) else node.members or [node]
    texts = [text_of(member) for member in members]
    repeated = sorted({text for text in texts if texts.count(text) > 1}) if len(set(texts)) < len(texts) else []
    if isinstance(node.value, str) and repeated:
        listed = ", ".join(map(repr, repeated))
        notes.append(f"{node.source}: {key!r} has {listed} more than once; only one of each is imported")
        return list({text_of(member): member for member in members}.values())
    problems += [Problem(f"{key!r} has the value {text!r} twice", node.source) for text in repeated]
    if node.value == []:
        problems.append(Problem(f"{key!r} has no value: an axis needs at least one", node.source))
    for member in members:
        if member.value is None or (member is node and isinstance(node.value, dict)):
            message = f"{key!r} must be a list or one value, not {describe_value(member)}"
            problems.append(Problem(message, member.source))
    return members


def _expand(key: str, node: Node, problems: list[Problem]) -> list[Node]:
    text = str(node.value)
    try:
        texts = expand_notation(text, gaps=True) if is_notation(text) else [text]
    except ValueError as error:
        allowed = "a list holds texts with commas or brackets as they are"
        problems.append(Problem(f"{key!r} {error}", node.source, allowed))
        return [node]
    if not any(part.strip() for part in texts):
        problems.append(Problem(f"{key!r} has no value: an axis needs at least one", node.source))
    return [Node(part, source=node.source) for part in texts]


def declare_block(block: Block, draft: Draft) -> None:
    """Add the keys to a draft as parameters, axes and resources."""
    gpu = next((name for name in GPU_KEYS if name in block.keys and _names_gpus(block.keys[name])), None)
    for key in block.keys.values():
        if key.name == gpu:
            _declare_gpu(key, draft)
        elif key.name in (REPEAT, *RESOURCES) and _fits(key, FRAMEWORK_AXES[key.name]):
            _declare_axis(key, draft)
        else:
            _declare_parameter(key, draft)


def _names_gpus(key: Key) -> bool:
    """Return whether the values name models of GPUs; a number is a number of GPUs."""
    return _fits(key, FRAMEWORK_AXES[GPU]) and not any(text.isdigit() for text in key.texts)


def _fits(key: Key, schema: Mapping[str, Any]) -> bool:
    """Return whether all values are allowed for an axis of the framework, and distinct."""
    try:
        values = _axis_values(key, schema)
    except ValueError:
        return False
    return all(isinstance(value, str | int) for value in values) and len(set(values)) == len(values)


def _axis_values(key: Key, schema: Mapping[str, Any]) -> list[Any]:
    return [read_value(schema, Node.from_value(value)) for value in infer_type(key.nodes)[1]]


def _declare_gpu(key: Key, draft: Draft) -> None:
    key.axis = GPU
    draft.axes[GPU] = key.texts
    if key.name != GPU:
        draft.notes.append(
            f"{key.origin!r} is the axis 'gpu' here; describe {', '.join(key.texts)} under 'gpus' in"
            " config/machines.yaml: Cloudmesh's table of hosts is not imported"
        )


def _declare_axis(key: Key, draft: Draft) -> None:
    """Add a key as the repeat, a resource, or an axis of either."""
    key.axis = key.name
    values = _axis_values(key, FRAMEWORK_AXES[key.name])
    if key.name == REPEAT and values == list(range(1, len(values) + 1)):
        draft.repeat = len(values)
    elif key.name != REPEAT and len(values) == 1:
        draft.resources[key.name] = values[0]
    else:
        draft.axes[key.name] = values


def _declare_parameter(key: Key, draft: Draft) -> None:
    kind, values = infer_type(key.nodes)
    key.parameter = draft.declare(key.name, DraftParameter(kind, values[0], key.origin))
    if key.name in FRAMEWORK_AXES:
        draft.notes.append(f"{key.origin!r} is the parameter {key.parameter!r} here: {key.name!r} means something else")
    if len(values) > 1:
        draft.axes[key.parameter] = values


def parameter_of(key: Key, draft: Draft) -> str:
    """Return the parameter that passes a key to the program; an axis of the framework gets one when it is needed."""
    if key.parameter:
        return key.parameter
    if key.axis == REPEAT:
        parameter = DraftParameter("integer", 1, "the number of the repeat", seed=True)
    else:
        kind, values = ("string", key.texts) if key.axis == GPU else infer_type(key.nodes)
        parameter = DraftParameter(kind, values[0], f"follows the axis {key.axis}")
    key.parameter = draft.declare(key.name, parameter)
    if key.axis in draft.axes and key.axis != REPEAT:
        draft.derive[key.parameter] = key.axis
    return key.parameter


def infer_type(nodes: Sequence[Node]) -> tuple[str, list[Any]]:
    """Return the type of a parameter, and its values in that type: a text of digits is a number in Cloudmesh.

    A number in quotes is a number unless digits would be lost: "3.10" and "007" stay texts.

    Parameters
    ----------
    nodes : sequence of Node
        At least one value, with distinct texts.

    Examples
    --------
    >>> infer_type([Node.from_value("1"), Node.from_value("30")])
    ('integer', [1, 30])
    >>> infer_type([Node.from_value("1e-3"), Node.from_value(1)])
    ('number', [0.001, 1])
    >>> infer_type([Node.from_value("3.9"), Node.from_value("3.10")])
    ('string', ['3.9', '3.10'])
    """
    for kind, read in _SCALARS.items():
        values = [read(node) for node in nodes]
        if None not in values and len(set(map(canonical_json, values))) == len(nodes):
            return kind, values
    for kind, container in (("array", list), ("object", dict)):
        if all(isinstance(node.value, container) for node in nodes):
            return kind, [node.plain() for node in nodes]
    return "string", [text_of(node) for node in nodes]


def text_of(node: Node) -> str:
    """Return the text that Cloudmesh fills in for a value."""
    if isinstance(node.value, str | bool):
        return str(node.value)
    return node.text if node.text is not None else str(node.plain())


def _boolean(node: Node) -> bool | None:
    """Read a truth value; of texts only Python's own spelling, since a script compares the text."""
    if isinstance(node.value, str):
        return {"True": True, "False": False}.get(node.value)
    return node.value if isinstance(node.value, bool) else None


def _integer(node: Node) -> int | None:
    value = _number(node)
    return value if isinstance(value, int) else None


def _number(node: Node) -> float | None:
    """Read a number, or a text that is exactly the text of a number."""
    value: Any = node.value
    if isinstance(value, str):
        try:
            value = resolve_scalar(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) >= _LARGEST:
        return None
    is_exact = not isinstance(node.value, str) or number_text(value) == node.value or "e" in node.value.lower()
    return value if is_exact else None


_SCALARS: dict[str, Callable[[Node], Any]] = {"boolean": _boolean, "integer": _integer, "number": _number}
