"""A study as a table of its experiments: a data frame with units and titles, and CSV."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairmesh.errors import InputError, Problem
from fairmesh.files import canonical_json, write_if_changed
from fairmesh.jobs.reading import ENERGY_METHOD
from fairmesh.printing import escape_cell
from fairmesh.results.load import PLAN, Outcome, StudyResults, load_study

if TYPE_CHECKING:
    import pandas as pd
    from pandas.api.extensions import ExtensionArray

_FIRST = ("machine", "id", "state", "reason")
_USAGE = ("cpu_s", "peak_bytes", "read_bytes", "write_bytes", "energy_j", ENERGY_METHOD)
OWNED = ("organisation", "person")
_LAST = ("seconds", *_USAGE, "attempt", "run", "node")
_INT64, _UINT64 = range(-(2**63), 2**63), range(2**64)
EXACT = range(-(2**53), 2**53 + 1)
"""Integers that a float holds exactly, as in JavaScript; text keeps all digits of larger ones."""


def table(study: StudyResults) -> pd.DataFrame:
    """Return one row for each experiment, in the order of the plan.

    The columns are machine, id, state and reason; every axis and every other parameter; every metric in its unit,
    with ``_low`` and ``_high`` if a program gave an interval; seconds, usage, attempt, run and node; and organisation
    and person, if results say to whom they belong. A name that is
    already used is prefixed with ``parameter_`` or ``metric_``. Integers keep all digits, absent values are missing.
    """
    import pandas as pd  # noqa: PLC0415  takes half a second, which the start of the workflow must not pay

    parameters, metrics = parameter_columns(study.plan), metric_columns(study)
    rows = [_row(outcome, parameters, metrics) for outcome in study.experiments]
    owned = [name for name in OWNED if any(row.get(name) for row in rows)]
    names = [*_FIRST, *parameters.values(), *_with_intervals(metrics.values(), rows), *_LAST, *owned]
    return pd.DataFrame({name: _typed([row.get(name) for row in rows]) for name in names})


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV, unless the file already has this content."""
    write_if_changed(path, csv_of(frame))


def csv_of(frame: pd.DataFrame) -> str:
    """Return a table as CSV (RFC 4180, but lines end with a line feed).

    A text that a spreadsheet would take for a formula is prefixed with an apostrophe.
    """
    lines = _Lines()
    guarded = frame.rename(columns=escape_cell)
    for name in map(str, guarded.select_dtypes("str").columns):
        guarded[name] = guarded[name].map(escape_cell, na_action="ignore")
    guarded.to_csv(lines, index=False, lineterminator="\r\n")
    return lines.getvalue()


class _Lines(io.StringIO):
    """Converts line ends: csv quotes carriage returns and line feeds in texts only if rows end with both."""

    def write(self, row: str, /) -> int:
        return super().write(row.removesuffix("\r\n") + "\n")


def parameter_columns(plan: dict[str, Any]) -> dict[str, str]:
    """Return the column of each axis and of each other parameter."""
    points = plan["experiments"]
    names = dict.fromkeys(name for point in points for name in point["axes"])
    names |= dict.fromkeys(name for point in points for name in point["parameters"])
    return {name: _free("parameter", name, {*_FIRST, *_LAST, *OWNED}) for name in names}


def metric_columns(study: StudyResults) -> dict[str, str]:
    """Return the column of each metric."""
    taken = {*_FIRST, *_LAST, *OWNED, *parameter_columns(study.plan).values()}
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
    owner = {name: getattr(outcome.owner, name) or None for name in OWNED}
    return {**row, "node": outcome.node or None, **owner}


def _typed(values: list[Any]) -> ExtensionArray:
    """Convert a column to the type of its values; mixed types, and integers beyond 64 bits, become text."""
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
    """Return a text that UTF-8 can encode: lone surrogates are escaped."""
    return text.encode("utf-8", "backslashreplace").decode()


def text_of(value: Any) -> str:
    """Return a value for a table: text unchanged, anything else as JSON."""
    return value if isinstance(value, str) else canonical_json(value)


USAGE_UNITS = {"seconds": "s", "cpu_s": "s", "energy_j": "J"} | dict.fromkeys(
    ("peak_bytes", "read_bytes", "write_bytes"), "byte"
)
"""The units of the columns of resource usage."""


def load_results(path: str | Path) -> pd.DataFrame:
    """Load the results of a study: one row for each experiment, finished or not.

    Parameters
    ----------
    path : str or Path
        The study's folder in the results, or a results folder that holds one study.

    Returns
    -------
    pandas.DataFrame
        See ``table``. ``attrs`` holds ``study``, ``title``, ``units`` (by column; ``1`` is a pure number) and
        ``better`` (``higher`` or ``lower``, by column of a metric that has a direction).

    Raises
    ------
    InputError
        If there is no such study.

    Examples
    --------
    >>> import fairmesh
    >>> frame = fairmesh.load_results("results/quick")  # doctest: +SKIP
    >>> frame.groupby("epochs")["accuracy"].mean(), frame.attrs["units"]["training_time"]  # doctest: +SKIP
    """
    folder = _study(Path(path))
    return results_frame(load_study(folder.parent, folder.name))


def results_frame(study: StudyResults) -> pd.DataFrame:
    """Return the data frame of a loaded study."""
    frame, columns = table(study), metric_columns(study)
    frame.attrs = {
        "study": study.name,
        "title": str(study.plan.get("title") or study.name),
        "units": units(study),
        "better": {columns[metric.name]: metric.better for metric in study.metrics if metric.better},
    }
    return frame


def units(study: StudyResults) -> dict[str, str]:
    """Return the unit of each column that has one; ``1`` for metrics that are pure numbers."""
    declared = study.plan["application"].get("parameters") or {}
    own = {
        column: str(declared.get(name, {}).get("unit") or "") for name, column in parameter_columns(study.plan).items()
    }
    columns = metric_columns(study)
    measured = {columns[metric.name]: metric.unit or "1" for metric in study.metrics}
    return {name: unit for name, unit in (own | measured | USAGE_UNITS).items() if unit}


def _study(path: Path) -> Path:
    """Return the study's folder for a path to it, or to a results folder with one study."""
    if (path / PLAN).is_file():
        return path.resolve()
    studies = sorted(plan.parent for plan in path.glob(f"*/{PLAN}"))
    if len(studies) == 1:
        return studies[0]
    names = ", ".join(study.name for study in studies)
    message = (
        f"{path} holds several studies"
        if studies
        else f"{path}: there are no results here; a run of a study makes them"
    )
    raise InputError([Problem(message, allowed=names)])
