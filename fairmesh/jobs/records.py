"""What readers of a record rely on: it may come from elsewhere, from an older version, or from an editor."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

from fairmesh.jobs.shapes import ShapeError

ENERGY_METHOD = "energy_method"
_MAPS = ("metrics", "baselines", "usage", "axes", "parameters", "application", "stages", "provenance")
_TEXTS = ("environment", "run", "started", "ended", "id", "machine", "reused")


def check_record(record: Mapping[str, Any]) -> None:
    """Check that each part of a record, or of a commit, is what its readers take it for.

    Raises
    ------
    ShapeError
        If one is not; the text names it.
    """
    attempt = record.get("attempt")
    if type(attempt) is not int or attempt < 1:
        raise ShapeError(f"attempt is no number above 0: {attempt!r:.100}")
    for name in _MAPS:
        if not isinstance(record.get(name) or {}, dict):
            raise ShapeError(f"{name} is not a map")
    for name in _TEXTS:
        if not isinstance(record.get(name) or "", str):
            raise ShapeError(f"{name} is not a text")
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
