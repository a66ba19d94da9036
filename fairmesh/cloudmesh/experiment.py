"""The ``experiment:`` block of a ``cms ee`` file becomes the axes of a study and the parameters of an application."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fairmesh.cloudmesh.draft import Declared, Draft
from fairmesh.cloudmesh.inference import infer, text_of
from fairmesh.errors import Problem
from fairmesh.names import REPEAT
from fairmesh.schema import Node
from fairmesh.schema.wording import describe_value
from fairmesh.study.notation import expand_notation, is_notation
from fairmesh.study.references import EXPERIMENT, References
from fairmesh.study.values import FRAMEWORK_AXES, GPU, RESOURCES, read_value

DIRECTIVE = "directive"
CARD = "card_name"
GPU_KEYS = (GPU, DIRECTIVE, CARD)
"""Keys that name a GPU, the one that counts first."""


@dataclass
class Key:
    """One key of the block.

    Parameters
    ----------
    name : str
        In the block.
    nodes : list of Node
        Its values.
    parameter : str
        The parameter that it is here; empty for an axis of the framework that no program asks for.
    axis : str
        The axis of the framework that it is here; empty for a parameter.
    """

    name: str
    nodes: list[Node]
    parameter: str = ""
    axis: str = ""
    origin: str = ""

    @property
    def texts(self) -> list[str]:
        """The texts that Cloudmesh puts in place of the values."""
        return [text_of(node) for node in self.nodes]


@dataclass
class Block:
    """The block, key by key.

    Parameters
    ----------
    keys : dict of str to Key
        In the file's order.
    """

    keys: dict[str, Key] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many experiments Cloudmesh makes of it."""
        return math.prod(len(key.nodes) for key in self.keys.values())


def read_block(node: Node, references: References, problems: list[Problem], notes: list[str]) -> Block:
    """Read the values of all keys; mistakes are noted."""
    block = Block()
    if not node.entries:
        got = "an empty one" if node.value in ({}, []) else describe_value(node)
        problems.append(Problem(f"'{EXPERIMENT}' must be a map of what is varied, not {got}", node.source))
    for name, value in node.entries.items():
        full = f"{EXPERIMENT}.{name}"
        known = len(problems)
        nodes = _values(full, references.filled(value), problems, notes)
        if len(problems) == known:
            block.keys[name] = Key(name, nodes, origin=full)
    return block


def _values(key: str, node: Node, problems: list[Problem], notes: list[str]) -> list[Node]:
    """Return the values that a key stands for, as Cloudmesh counts them."""
    members = _expanded(key, node, problems) if isinstance(node.value, str) else node.members or [node]
    texts = [text_of(each) for each in members]
    twice = sorted({text for text in texts if texts.count(text) > 1}) if len(set(texts)) < len(texts) else []
    if isinstance(node.value, str) and twice:
        notes.append(f"{node.source}: {key!r} has {', '.join(map(repr, twice))} more than once; once is carried over")
        return list({text_of(each): each for each in members}.values())
    problems += [Problem(f"{key!r} has the value {text!r} twice", node.source) for text in twice]
    if node.value == []:
        problems.append(Problem(f"{key!r} has no value: an axis needs at least one", node.source))
    wrong = [each for each in members if each.value is None or (each is node and isinstance(node.value, dict))]
    problems += [
        Problem(f"{key!r} must be a list or one value, not {describe_value(each)}", each.source) for each in wrong
    ]
    return members


def _expanded(key: str, node: Node, problems: list[Problem]) -> list[Node]:
    text = str(node.value)
    try:
        texts = expand_notation(text, gaps=True) if is_notation(text) else [text]
    except ValueError as error:
        allowed = "a list holds texts with commas or brackets as they are"
        problems.append(Problem(f"{key!r} {error}", node.source, allowed))
        return [node]
    if not any(each.strip() for each in texts):
        problems.append(Problem(f"{key!r} has no value: an axis needs at least one", node.source))
    return [Node(each, source=node.source) for each in texts]


def declare_block(block: Block, draft: Draft) -> None:
    """Make parameters and axes of the keys."""
    gpu = next((name for name in GPU_KEYS if name in block.keys and _names_gpus(block.keys[name])), None)
    for key in block.keys.values():
        if key.name == gpu:
            _declare_gpu(key, draft)
        elif key.name == REPEAT and _fits(key, FRAMEWORK_AXES[REPEAT]):
            _declare_repeat(key, draft)
        elif key.name in RESOURCES and _fits(key, RESOURCES[key.name]):
            _declare_resource(key, draft)
        else:
            _declare_parameter(key, draft)


def _names_gpus(key: Key) -> bool:
    """Return whether the values name models of GPUs: a number is a number of GPUs."""
    return _fits(key, FRAMEWORK_AXES[GPU]) and not any(text.isdigit() for text in key.texts)


def _fits(key: Key, schema: Mapping[str, Any]) -> bool:
    try:
        values = [read_value(schema, each) for each in _plain(key)]
    except ValueError:
        return False
    return len(set(values)) == len(values) if all(isinstance(each, str | int) for each in values) else False


def _plain(key: Key) -> Iterable[Node]:
    """Return the values in the types that they look like: a framework's axis does not care about quotes."""
    return [Node.from_value(value) for value in infer(key.nodes)[1]]


def _declare_gpu(key: Key, draft: Draft) -> None:
    key.axis = GPU
    draft.axes[GPU] = key.texts
    if key.name != GPU:
        draft.notes.append(
            f"{key.origin!r} is the axis 'gpu' here; what each of {', '.join(key.texts)} asks for is said by 'gpus' in"
            " config/machines.yaml: Cloudmesh's own table of hosts is not carried over"
        )


def _declare_repeat(key: Key, draft: Draft) -> None:
    key.axis = REPEAT
    values = [read_value(FRAMEWORK_AXES[REPEAT], each) for each in _plain(key)]
    if values == list(range(1, len(values) + 1)):
        draft.repeat = len(values)
    else:
        draft.axes[REPEAT] = values


def _declare_resource(key: Key, draft: Draft) -> None:
    key.axis = key.name
    values = [read_value(RESOURCES[key.name], each) for each in _plain(key)]
    if len(values) == 1:
        draft.resources[key.name] = values[0]
    else:
        draft.axes[key.name] = values


def _declare_parameter(key: Key, draft: Draft) -> None:
    kind, values = infer(key.nodes)
    key.parameter = draft.declare(key.name, Declared(kind, values[0], key.origin))
    if key.name in FRAMEWORK_AXES:
        draft.notes.append(f"{key.origin!r} is the parameter {key.parameter!r} here: {key.name!r} means something else")
    if len(values) > 1:
        draft.axes[key.parameter] = values


def parameter_of(key: Key, draft: Draft) -> str:
    """Return the parameter that passes a key to the program; create one for an axis of the framework."""
    if key.parameter:
        return key.parameter
    if key.axis == REPEAT:
        key.parameter = draft.declare(REPEAT, Declared("integer", 1, "the number of the repeat", seed=True))
        return key.parameter
    kind, values = infer(key.nodes)
    if key.axis == GPU:
        kind, values = "string", list(key.texts)
    key.parameter = draft.declare(key.name, Declared(kind, values[0], f"follows the axis {key.axis}"))
    if key.axis in draft.axes:
        draft.derive[key.parameter] = key.axis
    return key.parameter
