"""Values of parameters and framework axes: read by their declared type, given by a JSON Schema."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from fairmesh.model import phrase, shown
from fairmesh.names import REPEAT
from fairmesh.yaml12 import Node

Schema = Mapping[str, Any]
Value = str | int | float | bool

GPU = "gpu"

_COUNT: Schema = {"type": "integer", "minimum": 1}
# Executor plugins put these into a command line of their own: nothing in them may mean anything to a shell.
_PLAIN: Schema = {
    "type": "string",
    "pattern": r"[A-Za-z0-9_.:=@+/-]+",
    "patternErrorMessage": "a text of letters, digits and _ . : = @ + / -",
}

RESOURCES: dict[str, Schema] = {
    **dict.fromkeys(("threads", "mem_mb", "disk_mb", "runtime", "nodes", "tasks"), _COUNT),
    **dict.fromkeys(("cpus_per_task", "cpus_per_gpu", "mem_mb_per_cpu", "tasks_per_gpu"), _COUNT),
    **dict.fromkeys(("slurm_partition", "slurm_account", "gres", "gpu_model", "constraint", "qos"), _PLAIN),
    **dict.fromkeys(("clusters", "reservation", "lsf_queue", "lsf_project"), _PLAIN),
}
"""Snakemake's resources, and those of its Slurm and LSF executors, by name."""

FRAMEWORK: dict[str, Schema] = {GPU: _PLAIN, REPEAT: _COUNT, **RESOURCES}
"""The axes that every application has."""


def read_value(schema: Schema, node: Node) -> Value:
    """Give a value as its declared type has it.

    An integer stays one; a number is in its shortest form (1.0 is 1); a text is the source text of what stands there.

    Parameters
    ----------
    schema : mapping
        ``type``, and any of ``minimum``, ``maximum``, ``exclusiveMinimum``, ``exclusiveMaximum``, ``enum`` and
        ``pattern``.
    node : Node
        What was given.

    Raises
    ------
    ValueError
        If it is not of that type or out of bounds: ``must be ..., not ...``.

    Examples
    --------
    >>> read_value({"type": "number"}, Node.of(1.0))
    1
    """
    value = _typed(schema["type"], node)
    if value is None or not _allowed(schema, value):
        raise ValueError(f"must be {phrase(schema)}, not {shown(node)}")
    return value


def _typed(kind: str, node: Node) -> Value | None:
    """Give the value as this type, or None if it is none."""
    value = node.value
    if kind == "string":
        return value if isinstance(value, str) else None if value is None else node.text
    if isinstance(value, bool):
        return value if kind == "boolean" else None
    if kind == "integer" and isinstance(value, int):
        return value
    if kind == "number" and isinstance(value, int | float):
        return _shortest(value)
    return None


def _shortest(number: float) -> float | None:
    """Give one value for a number however it was written; None if it is not finite."""
    try:
        as_float = float(number)
    except OverflowError:
        return None
    if not math.isfinite(as_float):
        return None
    # Beyond 2^53 a float no longer tells neighbouring whole numbers apart.
    return int(as_float) if as_float.is_integer() and abs(as_float) < 2**53 else as_float


def _allowed(schema: Schema, value: Value) -> bool:
    if "enum" in schema and value not in schema["enum"]:
        return False
    if isinstance(value, str):
        return "pattern" not in schema or re.fullmatch(schema["pattern"], value) is not None
    return bool(
        value >= schema.get("minimum", -math.inf)
        and value <= schema.get("maximum", math.inf)
        and value > schema.get("exclusiveMinimum", -math.inf)
        and value < schema.get("exclusiveMaximum", math.inf)
    )
