"""Read plans, records, statuses and environments, and check their structure: users may have edited them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from pathlib import Path
from types import EllipsisType
from typing import Any, TypeAlias

from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import DONE, ENDS
from fairmesh.runner.safefiles import LARGEST, read_regular

Shape: TypeAlias = "type | tuple[type, ...] | list[Shape] | dict[str | EllipsisType, Shape]"
"""A type or several, a list of a shape, or the shapes of a map's keys; ``...`` stands for all of its keys."""

_NUMBER = (int, float)
_TEXTS: Shape = [str]
_MAPS: Shape = {...: dict}
_POINT_NAMES = ("machine", "id", "fingerprint")
_POINT_MAPS = ("parameters", "axes")
_METRIC: Shape = {"title": str, "unit": str, "better": str, "description": str, "tolerance": _NUMBER, "target": _NUMBER}
_APPLICATION: Shape = {
    **dict.fromkeys(("name", "version", "title", "licence", "citation", "description", "url"), str),
    "authors": list,
    "keywords": _TEXTS,
    "parameters": _MAPS,
    "metrics": {...: _METRIC},
    "tables": {...: {"title": str, "description": str, "plot": dict}},
    "stages": {...: str},
}
_PLAN: Shape = {
    **dict.fromkeys(("study", "title", "source", "measure"), str),
    "application": _APPLICATION,
    "axes": (list, dict),
    "machines": _TEXTS,
    "publisher": {
        **dict.fromkeys(
            ("person", "title", "licence", "access", "url", "organisation", "organisation_url", "platform"), str
        ),
        "status": str,
        "authors": list,
        "keywords": _TEXTS,
        "funding": [{...: str}],
        "dois": {...: str},
        "contact": {...: str},
    },
    "experiments": [dict],
}
_STATUS: Shape = {
    **dict.fromkeys(("state", "reason", "message", "host", "node", "job_id", "run", "fingerprint", "memory"), str),
    **dict.fromkeys(("started", "updated", "ended"), str),
    **dict.fromkeys(("progress", "heartbeat", "attempt"), _NUMBER),
}
_ENVIRONMENT: Shape = {
    "system": {...: (str, int)},
    "processor": {"name": str, "architecture": str, "cores": int, "machine_cores": int},
    "memory_bytes": _NUMBER,
    "gpus": _TEXTS,
    "gpu_driver": str,
    "python": {"version": str, "implementation": str, "packages": {...: str}},
    "code": dict,
    "container": {...: str},
    "modules": _TEXTS,
}


class ShapeError(ValueError):
    """Raised if a JSON file does not have the expected structure; the message names the invalid part."""


def check_plan(plan: Mapping[str, Any]) -> None:
    """Check the structure of a plan.

    Raises
    ------
    ShapeError
        If a part is invalid; the message names it.
    """
    check(plan, _PLAN)
    if not isinstance(plan.get("application"), dict) or not plan["application"].get("name"):
        raise ShapeError("application has no name")
    if not isinstance(plan.get("experiments"), list):
        raise ShapeError("experiments is not a list")
    for number, point in enumerate(plan["experiments"]):
        _check_point(point, number)


def _check_point(point: Mapping[str, Any], number: int) -> None:
    for name in _POINT_NAMES:
        value = point.get(name)
        if not isinstance(value, str) or not value or value[0] == "/" or (".." in value and ".." in value.split("/")):
            raise ShapeError(f"experiments[{number}].{name} is not a name")
    for name in _POINT_MAPS:
        if not isinstance(point.get(name), dict):
            raise ShapeError(f"experiments[{number}].{name} is not a map")
    if not isinstance(point.get("resources") or {}, dict) or not isinstance(point.get("key") or "", str):
        raise ShapeError(f"experiments[{number}]: resources is not a map, or key not a text")
    if point.get("last"):
        check(point["last"], {"state": str, "reason": str, "attempt": int}, f"experiments[{number}].last")
    if point.get("stages"):
        check(point["stages"], {...: str}, f"experiments[{number}].stages")


def check_status(status: Mapping[str, Any], fingerprint: str) -> None:
    """Check that the status of an attempt is valid, and fits a result with this fingerprint.

    Raises
    ------
    ShapeError
        If it is not; the message names the invalid part.
    """
    check(status, _STATUS)
    if status.get("state") != DONE:
        raise ShapeError(f"state is {status.get('state')!r:.100}, not {DONE!r}")
    if (status.get("fingerprint") or fingerprint) != fingerprint:
        raise ShapeError("it is about something else")


def check_any_status(status: Mapping[str, Any]) -> None:
    """Check that the status of an attempt is valid, whatever its state.

    Raises
    ------
    ShapeError
        If it is not; the message names the invalid part.
    """
    check(status, _STATUS)


def check_ended_status(status: Mapping[str, Any]) -> None:
    """Check that the status of an attempt is valid, and says how the attempt ended.

    Raises
    ------
    ShapeError
        If it is not; the message names the invalid part.
    """
    check(status, _STATUS)
    if status.get("state") not in ENDS:
        raise ShapeError(f"its state is {status.get('state')!r:.100}, so it has not ended")


def check_environment(environment: Mapping[str, Any]) -> None:
    """Check the structure of the description of an environment.

    Raises
    ------
    ShapeError
        If a part is invalid; the message names it.
    """
    check(environment, _ENVIRONMENT)


def check(value: Any, shape: Shape, where: str = "") -> None:
    """Check the types in nested maps and lists; missing, null and unnamed values are valid.

    Raises
    ------
    ShapeError
        With the location of the first invalid value.

    Examples
    --------
    >>> check({"axes": 5}, {"axes": dict})
    Traceback (most recent call last):
    fairmesh.jobs.reading.ShapeError: axes is not a map
    """
    if value is None:
        return
    kind = dict if isinstance(shape, dict) else list if isinstance(shape, list) else shape
    is_right = isinstance(value, kind)
    if not is_right:
        raise ShapeError(f"{where or 'it'} is not {_name(kind)}")
    if isinstance(shape, dict):
        for key in value if ... in shape else shape.keys() & value.keys():
            check(value[key], shape[key if key in shape else ...], f"{where}.{key}" if where else str(key))
    elif isinstance(shape, list):
        for number, item in enumerate(value):
            check(item, shape[0], f"{where}[{number}]")


_NAMES = {dict: "a map", list: "a list", str: "a text", int: "a whole number", float: "a number", bool: "a truth value"}


def _name(kind: type | tuple[type, ...]) -> str:
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return "a number" if kinds == _NUMBER else " or ".join(_NAMES[item_type] for item_type in kinds)


BAD_ENDS = tuple(state for state in ENDS if state != DONE)


def read_map(path: Path) -> dict[str, Any]:
    """Return the map in a file; an empty one if the file does not exist or cannot be read."""
    return jsonfiles.read_map(str(path)) or {}


def read_checked(
    path: Path, check: Callable[[dict[str, Any]], None] = lambda _: None, limit: int = LARGEST
) -> tuple[dict[str, Any], str]:
    """Read the map in a file.

    Parameters
    ----------
    path : Path
        The file.
    check : callable
        Raises ValueError if the map is invalid.
    limit : int
        The maximum size in bytes.

    Returns
    -------
    dict, str
        The map, empty if it cannot be read; and a message if the file exists and cannot be read.
    """
    try:
        content = jsonfiles.parse(read_regular(str(path), limit))
        if not isinstance(content, dict):
            raise ShapeError("not a map")
        check(content)
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return {}, f"{path}: cannot be read: {why}; left out"
    return content, ""


LARGEST_ENVIRONMENT = 16 << 20  # bytes; thousands of packages take a few hundred kilobytes


def read_environment(path: Path) -> tuple[dict[str, Any], str]:
    """Read an environment.

    Returns
    -------
    dict, str
        The environment, empty if it cannot be read; and a message if the file exists and cannot be read.
    """
    return read_checked(path, check_environment, LARGEST_ENVIRONMENT)


ENERGY_METHOD = "energy_method"
_RECORD_MAPS = ("metrics", "baselines", "usage", "axes", "parameters", "application", "stages", "provenance", "owner")
_RECORD_TEXTS = ("environment", "run", "started", "ended", "id", "machine", "reused")


def check_record(record: Mapping[str, Any]) -> None:
    """Check the structure of a record or a commit.

    Raises
    ------
    ShapeError
        If a part is invalid; the message names it.
    """
    attempt = record.get("attempt")
    if type(attempt) is not int or attempt < 1:
        raise ShapeError(f"attempt is no number above 0: {attempt!r:.100}")
    for name in _RECORD_MAPS:
        if not isinstance(record.get(name) or {}, dict):
            raise ShapeError(f"{name} is not a map")
    for name in _RECORD_TEXTS:
        if not isinstance(record.get(name) or "", str):
            raise ShapeError(f"{name} is not a text")
    check(record.get("owner"), {...: str}, "owner")
    _check_measured("metrics", record.get("metrics") or {})
    for name, measured in (record.get("baselines") or {}).items():
        _check_measured(f"baselines.{name}", measured)
    usage = record.get("usage") or {}
    for name, value in [("seconds", record.get("seconds")), *usage.items()]:
        if name != ENERGY_METHOD and value is not None:
            _check_number(name, value)
    if not isinstance(usage.get(ENERGY_METHOD) or "", str):
        raise ShapeError(f"{ENERGY_METHOD} is not a text")


def _check_measured(where: str, measured: Any) -> None:
    if not isinstance(measured, dict):
        raise ShapeError(f"{where} is not a map")
    for name, value in measured.items():
        if not isinstance(value, dict):
            _check_number(name, value)
            continue
        _check_number(name, value.get("value"))
        for bound in (value.get("low"), value.get("high")):
            if bound is not None:
                _check_number(name, bound)


def _check_number(name: str, value: Any) -> None:
    try:
        if isinstance(value, int | float) and value is not True and value is not False and isfinite(value):
            return
    except OverflowError:
        pass
    raise ShapeError(f"{name} is not a finite number: {value!r:.100}")
