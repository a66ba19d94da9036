"""All experiments of a study as data: for the page that lists them, and for the page that compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fairmesh.results import Outcome, Summary
from fairmesh.results.sides import flatten
from fairmesh.site.figures import Figures
from fairmesh.site.leaderboard import Leaderboard
from fairmesh.site.numbers import value
from fairmesh.site.tabular import (
    USAGE,
    Cell,
    Column,
    board_json,
    choices,
    metric_column,
    parameter_cell,
    single_cell,
    usage_column,
    used,
)
from fairmesh.site.view import StudyView, differ


@dataclass(frozen=True)
class ExperimentTable:
    """A row an experiment, in the order of the plan."""

    view: StudyView
    columns: list[Column]

    @classmethod
    def of(cls, view: StudyView) -> ExperimentTable:
        """Make the table of a study."""
        return cls(view, list(_columns(view)))

    @property
    def filters(self) -> list[Column]:
        """The columns of which a reader can choose a value."""
        return [column for column in self.columns if len(column.choices) > 1]

    def to_json(self, figures: Mapping[str, Figures], board: Leaderboard) -> dict[str, Any]:
        """Return what the scripts need: the table, what is the same for all, environments, the best point, a start.

        Parameters
        ----------
        figures : mapping of str to Figures
            The figures of each experiment that has a page, by its key.
        """
        environments: dict[str, tuple[int, dict[str, str]]] = {}
        rows = [self._row(outcome, figures.get(outcome.key), environments) for outcome in self.view.study.experiments]
        return board_json(
            self.view.study.name,
            self.columns,
            rows,
            title=self.view.title,
            fixed={name: value(found) for name, found in self.view.fixed.items()},
            environments=[found for _, found in environments.values()],
            best=_best(board),
            start=_start(self.view),
        )

    def cells(self, outcome: Outcome) -> list[Cell]:
        """Return the cells of an experiment, in the order of the columns."""
        return [_cell(column, outcome) for column in self.columns]

    def _row(self, outcome: Outcome, figures: Figures | None, environments: dict[str, Any]) -> dict[str, Any]:
        digest = str((outcome.record or {}).get("environment") or "")
        if digest not in environments:
            environments[digest] = (len(environments), dict(flatten(self.view.study.environment(outcome))))
        found = {
            "cells": [cell.to_json() for cell in self.cells(outcome)],
            "n": int(outcome.record is not None),
            "experiments": [[outcome.id, outcome.key, page_of(outcome.key) if figures else ""]],
            "environment": environments[digest][0],
        }
        if figures and figures.shown:
            found["figures"] = [[each.title, each.href, each.shown] for each in figures.shown]
        return found


def page_of(key: str) -> str:
    """Return the page of an experiment, from that of its study."""
    return f"experiments/{key}/index.html"


def _start(view: StudyView) -> list[str]:
    """Return the keys of two experiments to compare for a start: of the best two points, or two of the only one."""
    measured = [row.done for row in view.points if row.done]
    return [outcome.key for outcome in (measured[0][:2] if len(measured) == 1 else [done[0] for done in measured[:2]])]


def _best(board: Leaderboard) -> dict[str, Any] | None:
    """Return the best point by the keys of its columns, which stands for the study where studies are compared."""
    for row, cells in board.rows:
        if row is board.view.best:
            texts = {column.key: cell.text for column, cell in zip(board.columns, cells, strict=True)}
            return {"name": row.name, "n": len(row.done), "cells": texts}
    return None


def _columns(view: StudyView) -> Iterator[Column]:
    outcomes = view.study.experiments
    yield Column("remark:", "Experiment", "remark")
    yield Column("state:", "State", "state", choices=choices(each.state for each in outcomes))
    yield Column("machine:", "Machine", "machine", len(view.machines) > 1, choices=tuple(view.machines))
    for name in dict.fromkeys(name for each in outcomes for name in each.values):
        if differ(name, outcomes):
            texts = choices(value(each.values.get(name)) for each in outcomes)
            shown = name in view.varying or name in view.study.plan.get("axes", ())
            yield Column(f"parameter:{name}", view.parameter_label(name), "parameter", shown, choices=texts)
    for metric in view.study.metrics:
        yield metric_column(metric, shown=metric is view.primary)
    used_names = {name for each in outcomes for name, found in each.usage.items() if found is not None}
    yield from (usage_column(name) for name in USAGE if name == "seconds" or name in used_names)
    if any(each.reason for each in outcomes):
        yield Column("reason:", "Reason", "reason")


def _cell(column: Column, outcome: Outcome) -> Cell:
    match column.kind:
        case "parameter":
            return parameter_cell(outcome.values.get(column.name))
        case "metric":
            return single_cell(outcome.metrics.get(column.name))
        case "usage":
            found = outcome.used(column.name)
            return used(column.name, None if found is None else Summary(1, found, None, found, found))
    texts = {"state": outcome.state, "machine": outcome.machine, "reason": outcome.reason, "remark": outcome.id}
    return Cell(texts[column.kind])
