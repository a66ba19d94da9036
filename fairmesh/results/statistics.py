"""Repeats of one point folded to mean and spread."""

from __future__ import annotations

import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairmesh.files import canonical_json
from fairmesh.names import REPEAT
from fairmesh.results.table import parameter_columns

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    import pandas as pd


@dataclass(frozen=True)
class Summary:
    """Some measurements of one quantity, all in its unit.

    Parameters
    ----------
    n : int
        How many, at least 1.
    mean : float
        Their arithmetic mean.
    sd : float or None
        Their sample standard deviation, with n - 1 in the denominator; None for a single one, which has no spread.
    minimum, maximum : float
        The smallest and the largest.
    """

    n: int
    mean: float
    sd: float | None
    minimum: float
    maximum: float


def summarise(values: Iterable[float]) -> Summary | None:
    """Summarise measurements; None if there are none.

    >>> summarise([1.0, 2.0, 3.0])
    Summary(n=3, mean=2.0, sd=1.0, minimum=1.0, maximum=3.0)
    >>> summarise([2.0]).sd is None
    True
    """
    found = sorted(values)
    if not found:
        return None
    sd = statistics.stdev(found) if len(found) > 1 else None
    return Summary(len(found), statistics.fmean(found), sd, found[0], found[-1])


@dataclass(frozen=True)
class Group:
    """All repeats of one parameter point on one machine.

    Parameters
    ----------
    machine : str
        Where they ran.
    axes : dict
        The values of all axes but ``repeat``.
    ids : tuple of str
        The experiments, in the order of the plan.
    states : dict
        How many are in which state.
    metrics : dict
        Summaries of the numeric results by column, of those experiments that have them.
    """

    machine: str
    axes: dict[str, Any]
    ids: tuple[str, ...]
    states: dict[str, int]
    metrics: dict[str, Summary]


def fold_repeats(frame: pd.DataFrame, plan: dict[str, Any]) -> list[Group]:
    """Fold the repeats of each parameter point on each machine, in the order of the table.

    Parameters
    ----------
    frame : pandas.DataFrame
        What ``fairmesh.results.table`` gives.
    plan : dict
        The study's plan, which says what the axes are.
    """
    axes = {point["id"]: _without_repeat(point["axes"]) for point in plan["experiments"]}
    quantities = _quantities(frame, plan)
    members: dict[tuple[str, str], list[dict[Hashable, Any]]] = {}
    wanted = frame[["machine", "id", "state", *quantities]]
    for row in wanted.astype(object).where(wanted.notna(), None).to_dict("records"):
        members.setdefault((row["machine"], canonical_json(axes[row["id"]])), []).append(row)
    return [_group(rows, axes[rows[0]["id"]], quantities) for rows in members.values()]


def _without_repeat(axes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in axes.items() if name != REPEAT}


def _quantities(frame: pd.DataFrame, plan: dict[str, Any]) -> list[str]:
    given = {*parameter_columns(plan).values(), "attempt"}
    bounds = {f"{column}{end}" for column in frame.columns for end in ("_low", "_high")}
    return [name for name in frame.select_dtypes("number").columns if name not in given | bounds]


def _group(rows: list[dict[Hashable, Any]], axes: dict[str, Any], quantities: list[str]) -> Group:
    measured = {name: [row[name] for row in rows if row[name] is not None] for name in quantities}
    found = {name: summarise(values) for name, values in measured.items()}
    return Group(
        machine=rows[0]["machine"],
        axes=axes,
        ids=tuple(row["id"] for row in rows),
        states=dict(Counter(row["state"] for row in rows)),
        metrics={name: summary for name, summary in found.items() if summary},
    )
