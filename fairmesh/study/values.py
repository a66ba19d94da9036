"""Values of parameters and framework axes, read by declared type, and points, which assign values to axes."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from fairmesh.files import canonical_json
from fairmesh.names import REPEAT, axis_sort_key, axis_text, join_axes, number_text
from fairmesh.schedulers import find_scheduler, names
from fairmesh.schema import Node
from fairmesh.schema.wording import describe_schema, describe_value

Schema = Mapping[str, Any]
Value = str | int | float | bool | None | list[Any] | dict[str, Any]

GPU = "gpu"

_COUNT: Schema = {"title": "count", "type": "integer", "minimum": 1}
# Executor plugins insert texts into command lines, so they must not contain special characters of a shell.
_SIGNS = "_.:=@+/-"


def _text_schema(title: str, signs: str, separator: str = "") -> Schema:
    word = f"[A-Za-z0-9{signs}]+"
    return {
        "title": title,
        "type": "string",
        "pattern": f"{word}({separator}{word})*" if separator else word,
        "patternErrorMessage": f"a text of letters, digits and {' '.join(signs)}" + " with spaces" * bool(separator),
    }


_NAME = _text_schema("name", _SIGNS)
_NAMES = _text_schema("names", f",{_SIGNS}")
_OPTIONS = _text_schema("options", f",{_SIGNS}", " +")


def _count(meaning: str, unit: str = "") -> Schema:
    return {**_COUNT, "description": meaning, "unit": unit}


def _text(meaning: str, kind: Schema = _NAME) -> Schema:
    return {**kind, "description": meaning}


RESOURCES: dict[str, Schema] = {
    "threads": _count("CPU cores of the job.", "cores"),
    "mem_mb": _count("Memory of the job on each node.", "MB"),
    "disk_mb": _count("Temporary disk space.", "MB"),
    "runtime": _count("The time after which the job is ended.", "min"),
    "nodes": _count("Computers that take part."),
    "tasks": _count("Processes, as MPI counts them."),
    "cpus_per_task": _count("CPU cores of each process.", "cores"),
    "cpus_per_gpu": _count("CPU cores that go with each GPU.", "cores"),
    "mem_mb_per_cpu": _count("Memory that goes with each CPU core.", "MB"),
    "tasks_per_gpu": _count("Processes that go with each GPU."),
    "gres": _text("Generic resources in Slurm's notation, such as gpu:a100:1.", _NAMES),
    "gpu_model": _text("Model of GPU that the job asks for."),
    "constraint": _text("Features that a node must have.", _NAMES),
    "qos": _text("Quality of service.", _NAMES),
    "clusters": _text("Clusters that may take the job.", _NAMES),
    "reservation": _text("Reservation that the job may use."),
    **{
        name: _text(description, _OPTIONS if name.endswith("_extra") else _NAMES)
        for scheduler in names()
        for name, description in find_scheduler(scheduler).own_resources.items()
    },
}
"""Snakemake's resources, and those of the schedulers, by name."""

FRAMEWORK_AXES: dict[str, Schema] = {
    GPU: _text("Kind of GPU; machines.yaml says what it stands for on each machine."),
    REPEAT: _count("Number of the repeat; the application's seed follows it."),
    **RESOURCES,
}
"""The axes that every application has."""


def declared_types(schema: Schema) -> tuple[str, ...]:
    """Return the declared types of a value, each of which is allowed."""
    kind = schema["type"]
    return (kind,) if isinstance(kind, str) else tuple(kind)


def read_value(schema: Schema, node: Node) -> Value:
    """Return a value, converted to its declared type.

    Integers are unchanged; numbers have their shortest form (1.0 is 1); texts are the source text of a scalar; members
    of lists and maps are as in YAML, unless the schema has ``items``.

    Parameters
    ----------
    schema : mapping
        ``type``, one or a list, and any of ``minimum``, ``maximum``, ``exclusiveMinimum``, ``exclusiveMaximum``,
        ``enum``, ``pattern`` and ``items``.
    node : Node
        The value.

    Raises
    ------
    ValueError
        If it is not of that type or out of bounds: ``must be ..., not ...``.

    Examples
    --------
    >>> read_value({"type": "number"}, Node.from_value(1.0))
    1
    """
    for kind in declared_types(schema):
        value: Value = _TYPED[kind](node, schema)
        if value is not _MISFIT and _allowed(schema, value):
            return value
    unit = f", in {schema['unit']}" if isinstance(node.value, str) and schema.get("unit", "1") not in {"", "1"} else ""
    raise ValueError(f"must be {describe_schema(schema)}{unit}, not {describe_value(node)}")


_MISFIT: Any = object()  # returned for a value of another type, since null is a value


def _null(node: Node, schema: Schema) -> Any:
    return None if node.value is None else _MISFIT


def _string(node: Node, schema: Schema) -> Any:
    if isinstance(node.value, str):
        return node.value
    return node.text if node.text and node.value is not None else _MISFIT


def _array(node: Node, schema: Schema) -> Any:
    if not isinstance(node.value, list):
        return _MISFIT
    items = schema.get("items")
    return [read_value(items, member) for member in node.value] if items else _plain(node)


def _object(node: Node, schema: Schema) -> Any:
    return _plain(node) if isinstance(node.value, dict) else _MISFIT


def _boolean(node: Node, schema: Schema) -> Any:
    return node.value if isinstance(node.value, bool) else _MISFIT


def _integer(node: Node, schema: Schema) -> Any:
    return node.value if isinstance(node.value, int) and not isinstance(node.value, bool) else _MISFIT


def _number(node: Node, schema: Schema) -> Any:
    return (
        _shortest(node.value) if isinstance(node.value, int | float) and not isinstance(node.value, bool) else _MISFIT
    )


_TYPED: dict[str, Callable[[Node, Schema], Any]] = {
    "null": _null,
    "string": _string,
    "array": _array,
    "object": _object,
    "boolean": _boolean,
    "integer": _integer,
    "number": _number,
}


def _plain(node: Node) -> Any:
    """Return a list or map, all of whose numbers are finite."""
    value = node.plain()
    try:
        canonical_json(value)
    except ValueError as error:
        raise ValueError("must contain only finite numbers") from error
    return value


def _shortest(number: float) -> Any:
    """Return a number in its shortest form, or a misfit if it is not finite."""
    try:
        as_float = float(number)
    except OverflowError:
        return _MISFIT
    if not math.isfinite(as_float):
        return _MISFIT
    # Beyond 2^53 a float does not represent every integer.
    return int(as_float) if as_float.is_integer() and abs(as_float) < 2**53 else as_float


def _allowed(schema: Schema, value: Value) -> bool:
    if "enum" in schema and not any(value == choice and type(value) is type(choice) for choice in schema["enum"]):
        return False
    if isinstance(value, str):
        return "pattern" not in schema or re.fullmatch(schema["pattern"], value) is not None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return True
    return bool(
        value >= schema.get("minimum", -math.inf)
        and value <= schema.get("maximum", math.inf)
        and value > schema.get("exclusiveMinimum", -math.inf)
        and value < schema.get("exclusiveMaximum", math.inf)
    )


def computed_node(schema: Schema, value: Any) -> Node:
    """Return the result of an expression as a node, like a value in the file."""
    kinds = declared_types(schema)
    if isinstance(value, float) and value.is_integer() and "number" not in kinds:
        value = int(value)
    node = Node.from_value(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        node.text = number_text(value)
    return node


def decimal_node(schema: Schema, value: Decimal, near: Node) -> Node:
    """Return a number of a range as a node at the position of the range."""
    kinds = declared_types(schema)
    whole = value == value.to_integral_value() and "number" not in kinds
    number = int(value) if whole else float(value)
    return Node(number, near.line, near.column, number_text(number), source=near.source)


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a parameter or axis, with its texts in ids and fingerprints.

    Parameters
    ----------
    value : Value
        The value, of the declared type.
    id_text, json_text : str
        ``name=value`` in an id, ``"name":value`` in canonical JSON.
    """

    value: Value
    id_text: str
    json_text: str

    @classmethod
    def from_value(cls, name: str, value: Value) -> Choice:
        """Return a choice for a name and a value."""
        return cls(value, axis_text(name, value), f"{canonical_json(name)}:{canonical_json(value)}")


Point = dict[str, Choice]


def point_id(point: Point) -> str:
    """Return the id of a point.

    >>> point_id({name: Choice.from_value(name, 1) for name in ("repeat", "gpu")})
    'gpu=1+repeat=1'
    """
    return join_axes([point[axis].id_text for axis in sorted(point, key=axis_sort_key)])
