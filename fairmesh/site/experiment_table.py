"""All experiments of a study as data: for the page that lists them, and for the page that compares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fairmesh.results import Outcome, Summary
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

    def to_json(self, pages: dict[str, str], board: Leaderboard) -> dict[str, Any]:
        """Give what the scripts need: the table, what is the same for all, the environments, and the best point."""
        environments: dict[str, tuple[int, dict[str, str]]] = {}
        rows = [self._row(outcome, pages, environments) for outcome in self.view.study.experiments]
        return board_json(
            self.view.study.name,
            self.columns,
            rows,
            title=self.view.title,
            fixed={name: value(found) for name, found in self.view.fixed.items()},
            environments=[found for _, found in environments.values()],
            best=_best(board),
        )

    def _row(self, outcome: Outcome, pages: dict[str, str], environments: dict[str, Any]) -> dict[str, Any]:
        digest = str((outcome.record or {}).get("environment") or "")
        if digest not in environments:
            environments[digest] = (len(environments), dict(_flat(self.view.study.environment(outcome))))
        return {
            "cells": [_cell(column, outcome).to_json() for column in self.columns],
            "n": int(outcome.record is not None),
            "experiments": [[outcome.id, outcome.key, pages.get(outcome.key, "")]],
            "environment": environments[digest][0],
        }


def _best(board: Leaderboard) -> dict[str, Any] | None:
    """Give the best point by the keys of its columns, which stands for the study where studies are compared."""
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
    yield from map(usage_column, USAGE)
    yield Column("reason:", "Reason", "reason")


def _cell(column: Column, outcome: Outcome) -> Cell:
    match column.kind:
        case "parameter":
            return parameter_cell(outcome.values.get(column.name))
        case "metric":
            return single_cell(outcome.metrics.get(column.name))
        case "usage":
            found = outcome.seconds if column.name == "seconds" else outcome.usage.get(column.name)
            return used(column.name, None if found is None else Summary(1, found, None, found, found))
    texts = {"state": outcome.state, "machine": outcome.machine, "reason": outcome.reason, "remark": outcome.id}
    return Cell(texts[column.kind])


def _flat(found: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Give every value of nested maps with its dotted name.

    >>> dict(_flat({"format": 1, "python": {"version": "3.11", "packages": {"h5py": "3.14"}}}))
    {'python.version': '3.11', 'python.packages.h5py': '3.14'}
    """
    for key, each in found.items():
        if isinstance(each, dict):
            yield from _flat(each, f"{above}{key}.")
        elif key != "format":
            yield f"{above}{key}", value(each)
