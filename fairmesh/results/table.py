"""A study's outcomes as a table: one row an experiment, the same text from the same results."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairmesh.files import canonical_json, write_if_changed
from fairmesh.jobs.records import ENERGY_METHOD
from fairmesh.results.load import Outcome, StudyResults
from fairmesh.printing import escape_cell

if TYPE_CHECKING:
    import pandas as pd
    from pandas.api.extensions import ExtensionArray

_FIRST = ("machine", "id", "state", "reason")
_USAGE = ("cpu_s", "peak_bytes", "read_bytes", "write_bytes", "energy_j", ENERGY_METHOD)
_LAST = ("seconds", *_USAGE, "attempt", "run", "node")
_INT64, _UINT64 = range(-(2**63), 2**63), range(2**64)
EXACT = range(-(2**53), 2**53 + 1)
"""The integers that are exact in a float, as in JavaScript: beyond, it is text that keeps all digits."""


def table(study: StudyResults) -> pd.DataFrame:
    """Return one row an experiment, in the order of the plan.

    The columns are machine, id, state and reason; every axis and every other parameter; every metric in its unit,
    with ``_low`` and ``_high`` if a program gave an interval; seconds, usage, attempt, run and node. A name that is
    taken already gets ``parameter_`` or ``metric_`` before it. Integers keep all of their digits, what is absent is missing.
    """
    import pandas as pd  # noqa: PLC0415  (half a second that the workflow's start must not pay)

    parameters, metrics = parameter_columns(study.plan), metric_columns(study)
    rows = [_row(outcome, parameters, metrics) for outcome in study.experiments]
    names = [*_FIRST, *parameters.values(), *_with_intervals(metrics.values(), rows), *_LAST]
    return pd.DataFrame({name: _typed([row.get(name) for row in rows]) for name in names})


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV; a file that says the same is left alone."""
    write_if_changed(path, csv_of(frame))


def csv_of(frame: pd.DataFrame) -> str:
    """Return a table as CSV (RFC 4180, but lines end with a line feed).

    An apostrophe stands before a text that a spreadsheet would take for a formula.
    """
    lines = _Lines()
    guarded = frame.rename(columns=escape_cell)
    for name in map(str, guarded.select_dtypes("str").columns):
        guarded[name] = guarded[name].map(escape_cell, na_action="ignore")
    guarded.to_csv(lines, index=False, lineterminator="\r\n")
    return lines.getvalue()


class _Lines(io.StringIO):
    """Takes rows that end with both characters, without which csv would not quote either in a text."""

    def write(self, row: str, /) -> int:
        return super().write(row.removesuffix("\r\n") + "\n")


def parameter_columns(plan: dict[str, Any]) -> dict[str, str]:
    """Return the column of each axis and of each other parameter."""
    points = plan["experiments"]
    names = dict.fromkeys(name for point in points for name in point["axes"])
    names |= dict.fromkeys(name for point in points for name in point["parameters"])
    return {name: _free("parameter", name, {*_FIRST, *_LAST}) for name in names}


def metric_columns(study: StudyResults) -> dict[str, str]:
    """Return the column of each metric."""
    taken = {*_FIRST, *_LAST, *parameter_columns(study.plan).values()}
    return {metric.name: _free("metric", metric.name, taken) for metric in study.metrics}


def _free(kind: str, name: str, taken: Iterable[str]) -> str:
    return f"{kind}_{name}" if name in taken else name


def _with_intervals(columns: Iterable[str], rows: list[dict[str, Any]]) -> list[str]:
    names = []
    for column in columns:
        bounds = (f"{column}_low", f"{column}_high")
        names += [column, *(bound for bound in bounds if any(row.get(bound) is not None for row in rows))]
    return names


def _row(outcome: Outcome, parameters: dict[str, str], metrics: dict[str, str]) -> dict[str, Any]:
    row: dict[str, Any] = {parameters[name]: value for name, value in outcome.values.items()}
    for name, column in metrics.items():
        if value := outcome.metrics.get(name):
            row |= {column: value.value, f"{column}_low": value.low, f"{column}_high": value.high}
    row |= {name: getattr(outcome, name) for name in _FIRST}
    row |= {name: outcome.usage.get(name) for name in _USAGE}
    record = outcome.record or {}
    row |= {"seconds": outcome.seconds, "attempt": record.get("attempt"), "run": record.get("run")}
    return {**row, "node": outcome.node or None}


def _typed(values: list[Any]) -> ExtensionArray:
    """Convert a column to the type of all its values; a mixture, or integers that no type holds, become text."""
    import pandas as pd  # noqa: PLC0415

    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return pd.array(values, dtype="boolean")
    whole = [value for value in values if type(value) is int]
    if kinds == {int} and all(value in _INT64 for value in whole):
        return pd.array(values, dtype="Int64")
    if kinds == {int} and all(value in _UINT64 for value in whole):
        return pd.array(values, dtype="UInt64")
    if float in kinds and kinds <= {int, float} and all(value in EXACT for value in whole):
        return pd.array(values, dtype="Float64")
    return pd.array([value if value is None else _encodable(text_of(value)) for value in values], dtype="str")


def _encodable(text: str) -> str:
    """Return a text that UTF-8 can write: what is no character, as half of a surrogate pair, is escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def text_of(value: Any) -> str:
    """Return a value as a table shows it: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else canonical_json(value)
