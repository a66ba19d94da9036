"""The leaderboard: a study's points and its baselines, repeats folded, best first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fairmesh.site.numbers import value
from fairmesh.site.sentences import verdict_text
from fairmesh.site.tabular import (
    USAGE,
    Cell,
    Column,
    board_json,
    choices,
    measured,
    metric_column,
    parameter_cell,
    single_cell,
    usage_column,
    used,
)
from fairmesh.site.view import Row, StudyView


@dataclass(frozen=True)
class Leaderboard:
    """All rows of a study's leaderboard, best first, baselines among them."""

    view: StudyView
    columns: list[Column]
    rows: list[tuple[Row, list[Cell]]]

    @classmethod
    def of(cls, view: StudyView) -> Leaderboard:
        """Make the leaderboard of a study."""
        columns = list(_columns(view))
        rank, rows = 0, []
        for row in view.leaderboard:
            rank += bool(row.done)
            rows.append((row, [_cell(view, column, row, rank) for column in columns]))
        return cls(view, columns, rows)

    @property
    def filters(self) -> list[Column]:
        """The columns of which a reader can choose a value."""
        return [column for column in self.columns if len(column.choices) > 1]

    def to_json(self, pages: dict[str, str]) -> dict[str, Any]:
        """Return what the page's script needs: columns, rows, and the experiments of each row with their pages."""
        rows = [
            {
                "name": row.name,
                "cells": [cell.to_json() for cell in cells],
                "kind": "baseline" if row.is_baseline else "best" if row is self.view.best else "",
                "n": len(row.done),
                "experiments": [[each.id, each.key, pages.get(each.key, "")] for each in row.outcomes],
            }
            for row, cells in self.rows
        ]
        return board_json(self.view.study.name, self.columns, rows)


def _columns(view: StudyView) -> Iterator[Column]:
    if not view.why_unranked:
        yield Column("rank:", "#", "rank")
    for name in view.varying:
        texts = choices(value(point.values.get(name)) for point in view.points)
        yield Column(f"parameter:{name}", view.parameter_label(name), "parameter", choices=texts)
    if len(view.machines) > 1:
        yield Column("machine:", "Machine", "machine", choices=tuple(view.machines))
    primary = view.primary
    metrics = [*([primary] if primary else []), *(metric for metric in view.study.metrics if metric is not primary)]
    found = {name for row in view.points for name in row.usage}
    usage = [usage_column(name) for name in USAGE if name in found]
    yield from map(metric_column, metrics[:1])
    yield from (column for column in usage if column.shown)
    # Without a parameter to tell rows apart, there is room for a few more.
    room = 0 if view.varying else 2
    yield from (metric_column(metric, place < room) for place, metric in enumerate(metrics[1:]))
    yield from (column for column in usage if not column.shown)
    yield Column("count:", "n", "count", description="Repeats that have a result")
    yield Column("remark:", "Experiments", "remark")


def _cell(view: StudyView, column: Column, row: Row, rank: int) -> Cell:
    match column.kind:
        case "metric":
            return (
                single_cell(row.done[0].metrics.get(column.name))
                if len(row.done) == 1
                else measured(row.metrics.get(column.name))
            )
        case "usage":
            return used(column.name, row.usage.get(column.name))
        case "remark":
            return Cell("; ".join(filter(None, (verdict_text(view, row), row.remark))))
    return Cell() if row.is_baseline else _of_point(column, row, rank)


def _of_point(column: Column, row: Row, rank: int) -> Cell:
    match column.kind:
        case "rank":
            return Cell(str(rank), rank) if row.done else Cell()
        case "parameter":
            return parameter_cell(row.values.get(column.name))
        case "machine":
            return Cell(row.outcomes[0].machine)
    return Cell(str(len(row.done)), len(row.done))
