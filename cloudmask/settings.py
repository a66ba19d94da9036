"""The parameters of a run, declared in application.yaml and read from config.yaml."""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cloudmask.errors import InputError

APPLICATION = Path(__file__).with_name("application.yaml")

_TYPES: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
}
_BOUNDS: tuple[tuple[str, Callable[[Any, Any], bool], str], ...] = (
    ("minimum", operator.ge, "at least"),
    ("maximum", operator.le, "at most"),
    ("exclusiveMinimum", operator.gt, "more than"),
    ("exclusiveMaximum", operator.lt, "less than"),
)


@dataclass(frozen=True)
class Settings:
    """All parameters; application.yaml has their units, bounds and defaults."""

    data: str
    damaged: str
    scenes_train: int
    scenes_test: int
    rows: int
    columns: int
    data_seed: int
    patch: int
    validation: float
    epochs: int
    batch: int
    learning_rate: float
    width: int
    depth: int
    loss: str
    patience: int
    precision: str
    deterministic: bool
    checkpoint_minutes: float
    seed: int
    compatibility: str
    tile: int
    save_masks: str


def _mistake(value: Any, rule: dict[str, Any]) -> str:
    """Return a description of what is wrong with a value, or an empty string."""
    # bool is a subclass of int.
    if isinstance(value, bool) != (rule["type"] == "boolean") or not isinstance(value, _TYPES[rule["type"]]):
        return f"must be of type {rule['type']}"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be finite"
    if "enum" in rule and value not in rule["enum"]:
        return f"must be one of {', '.join(map(str, rule['enum']))}"
    for bound, holds, words in _BOUNDS:
        if bound in rule and not holds(value, rule[bound]):
            return f"must be {words} {rule[bound]}"
    return ""


def _number(value: Any, rule: dict[str, Any]) -> Any:
    """Convert text such as 1e-3 to a number: in YAML 1.1, a number needs a point before its exponent."""
    if rule["type"] != "number" or not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def _load(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: must be a map of parameters")
    return content


def read_settings(path: Path) -> Settings:
    """Read the parameters of a run; missing parameters take their defaults.

    Raises
    ------
    InputError
        If the file is missing or not YAML, a parameter is unknown, or a value is not allowed.
    """
    rules: dict[str, dict[str, Any]] = _load(APPLICATION)["parameters"]
    given = _load(path)
    for name in given:
        if name not in rules:
            near = difflib.get_close_matches(str(name), rules, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(f"{path}: unknown parameter {name!r}{hint}")
    values = {name: _number(given.get(name, rule["default"]), rule) for name, rule in rules.items()}
    for name, value in values.items():
        if mistake := _mistake(value, rules[name]):
            raise InputError(f"{path}: {name}: {value!r}: {mistake}")
    # Keras does not accept 1 for 1.0.
    typed: dict[str, Any] = {
        name: float(value) if rules[name]["type"] == "number" else value for name, value in values.items()
    }
    return Settings(**typed)
