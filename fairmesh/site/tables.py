"""Leaderboard and experiment table of a study as data, for pages, scripts, LaTeX and the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairmesh.names import plain_text
from fairmesh.results import Outcome, Summary
from fairmesh.results.selection import flatten
from fairmesh.site.cells import (
    USAGE,
    Cell,
    Column,
    choices,
    measurement_cell,
    metric_column,
    parameter_cell,
    summary_cell,
    table_json,
    usage_cell,
    usage_column,
)
from fairmesh.site.escaping import escape_latex
from fairmesh.site.sentences import verdict_text
from fairmesh.site.view import BoardRow, StudyView, differ
from fairmesh.status.states import state_label

if TYPE_CHECKING:
    from fairmesh.site.figures import Figures  # its pictures are in an extra of the package

LATEX_ROWS = 30  # a longer table fits no page


@dataclass(frozen=True)
class Leaderboard:
    """The points and baselines of a study, repeats folded, best first."""

    view: StudyView
    columns: list[Column]
    rows: list[tuple[BoardRow, list[Cell]]]

    @classmethod
    def of(cls, view: StudyView) -> Leaderboard:
        """Build the leaderboard of a study."""
        columns = list(_board_columns(view))
        rank, rows = 0, []
        for row in view.leaderboard:
            rank += bool(row.done)
            rows.append((row, [_board_cell(view, column, row, rank) for column in columns]))
        return cls(view, columns, rows)

    @property
    def filters(self) -> list[Column]:
        """The columns that readers can filter by."""
        return [column for column in self.columns if len(column.choices) > 1]

    @property
    def best(self) -> dict[str, Any] | None:
        """The best point for the page Compare, with its cells by the keys of their columns; None if there is none."""
        for row, cells in self.rows:
            if row is self.view.best:
                texts = {column.key: cell.text for column, cell in zip(self.columns, cells, strict=True)}
                return {"name": row.name, "n": len(row.done), "cells": texts}
        return None

    def to_json(self, pages: dict[str, str]) -> dict[str, Any]:
        """Return columns, rows, and the experiments of each row with their pages, for the page's script."""
        names = self.view.study.names
        rows = [
            {
                "name": row.name,
                "cells": [cell.to_json() for cell in cells],
                "kind": "baseline" if row.is_baseline else "best" if row is self.view.best else "",
                "n": len(row.done),
                "experiments": [
                    [names.of(outcome.axes), outcome.key, pages.get(outcome.key, ""), outcome.id]
                    for outcome in row.outcomes
                ],
            }
            for row, cells in self.rows
        ]
        return table_json(self.view.study.name, self.columns, rows)

    def to_latex(self) -> str:
        r"""Return the columns that the page shows at first as a LaTeX table that needs the package booktabs."""
        shown = [
            (index, column)
            for index, column in enumerate(self.columns)
            if column.shown and column.kind not in {"rank", "remark"}
        ]
        heads = " & ".join(escape_latex(column.title) for _, column in shown)
        alignment = "".join("l" if column.kind in {"parameter", "machine", "owner"} else "r" for _, column in shown)
        lines = [
            f"% {escape_latex(self.view.title)}: mean and 95 % interval of n repeats; needs \\usepackage{{booktabs}}",
            f"\\begin{{tabular}}{{l{alignment}}}",
            "\\toprule",
            f" & {heads} \\\\",
            "\\midrule",
        ]
        for row, cells in self.rows[:LATEX_ROWS]:
            name = f"baseline: {row.name}" if row.is_baseline else cells[0].text
            lines.append(" & ".join(map(escape_latex, [name, *(cells[index].text for index, _ in shown)])) + r" \\")
        return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", ""])


def _board_columns(view: StudyView) -> Iterator[Column]:
    if not view.why_unranked:
        yield Column("rank:", "#", "rank")
    for name in view.varying:
        texts = choices(plain_text(point.values.get(name)) for point in view.points)
        yield Column(f"parameter:{name}", view.parameter_label(name), "parameter", choices=texts)
    if len(view.machines) > 1:
        yield Column("machine:", "Machine", "machine", choices=tuple(view.machines))
    yield from _owner_columns(view.groups)
    primary = view.primary
    metrics = [*([primary] if primary else []), *(metric for metric in view.study.metrics if metric is not primary)]
    used = {name for row in view.points for name in row.usage}
    usage = [usage_column(name) for name in USAGE if name in used]
    yield from map(metric_column, metrics[:1])
    yield from (column for column in usage if column.shown)
    # Without a parameter to tell rows apart, there is room for two more.
    room = 0 if view.varying else 2
    yield from (metric_column(metric, place < room) for place, metric in enumerate(metrics[1:]))
    yield from (column for column in usage if not column.shown)
    yield Column("count:", "n", "count", description="Repeats that have a result")
    yield Column("remark:", "Experiments", "remark")


def _owner_columns(groups: Sequence[Sequence[Outcome]]) -> Iterator[Column]:
    """Yield the columns of organizations and persons, where rows of experiments differ in them."""
    for name, title in (("organisation", "Organization"), ("person", "Person")):
        texts = choices(_owner_text(outcomes, name) for outcomes in groups if any(item.attempt for item in outcomes))
        if len(texts) > 1:
            yield Column(f"owner:{name}", title, "owner", choices=texts)


def _owner_text(outcomes: Iterable[Outcome], part: str) -> str:
    """Return the organizations or persons that the results of a row belong to."""
    return ", ".join(filter(None, dict.fromkeys(str(getattr(outcome.owner, part)) for outcome in outcomes)))


def _board_cell(view: StudyView, column: Column, row: BoardRow, rank: int) -> Cell:
    match column.kind:
        case "metric" if len(row.done) == 1:
            return measurement_cell(row.done[0].metrics.get(column.name))
        case "metric":
            return summary_cell(row.metrics.get(column.name))
        case "usage":
            return usage_cell(column.name, row.usage.get(column.name))
        case "remark":
            return Cell("; ".join(filter(None, (verdict_text(view, row), row.remark))))
    return Cell() if row.is_baseline else _point_cell(column, row, rank)


def _point_cell(column: Column, row: BoardRow, rank: int) -> Cell:
    match column.kind:
        case "rank":
            return Cell(str(rank), rank) if row.done else Cell()
        case "parameter":
            return parameter_cell(row.values.get(column.name))
        case "machine":
            return Cell(row.outcomes[0].machine)
        case "owner":
            return Cell(_owner_text(row.outcomes, column.name))
    return Cell(str(len(row.done)), len(row.done))


@dataclass(frozen=True)
class ExperimentTable:
    """The experiments of a study, a row each, in the order of the plan."""

    view: StudyView
    columns: list[Column]

    @classmethod
    def of(cls, view: StudyView) -> ExperimentTable:
        """Build the table of a study."""
        return cls(view, list(_experiment_columns(view)))

    @property
    def filters(self) -> list[Column]:
        """The columns that readers can filter by."""
        return [column for column in self.columns if len(column.choices) > 1]

    def to_json(self, figures: Mapping[str, Figures], board: Leaderboard) -> dict[str, Any]:
        """Return the table for the pages' scripts, with common values, environments, the best point and a first choice.

        Parameters
        ----------
        figures : mapping of str to Figures
            The figures of each experiment that has a page, by its key.
        """
        environments: dict[str, tuple[int, dict[str, str]]] = {}
        rows = [self._row(outcome, figures.get(outcome.key), environments) for outcome in self.view.study.experiments]
        return table_json(
            self.view.study.name,
            self.columns,
            rows,
            title=self.view.title,
            fixed={name: plain_text(value) for name, value in self.view.fixed.items()},
            environments=[environment for _, environment in environments.values()],
            best=board.best,
            start=_suggested_pair(self.view),
        )

    def cells(self, outcome: Outcome) -> list[Cell]:
        """Return the cells of an experiment, in the order of the columns."""
        return [self._cell(column, outcome) for column in self.columns]

    def _cell(self, column: Column, outcome: Outcome) -> Cell:
        return Cell(self._name(outcome)) if column.kind == "remark" else _experiment_cell(column, outcome)

    def _name(self, outcome: Outcome) -> str:
        return self.view.study.names.of(outcome.axes)

    def _row(self, outcome: Outcome, figures: Figures | None, environments: dict[str, Any]) -> dict[str, Any]:
        digest = str((outcome.record or {}).get("environment") or "")
        if digest not in environments:
            environments[digest] = (len(environments), dict(flatten(self.view.study.environment(outcome))))
        row = {
            "cells": [cell.to_json() for cell in self.cells(outcome)],
            "n": int(outcome.record is not None),
            "experiments": [[self._name(outcome), outcome.key, page_of(outcome.key) if figures else "", outcome.id]],
            "environment": environments[digest][0],
        }
        if figures and figures.shown:
            row["figures"] = [[figure.title, figure.href, figure.shown] for figure in figures.shown]
        return row


def page_of(key: str) -> str:
    """Return the page of an experiment, relative to that of its study."""
    return f"experiments/{key}/index.html"


def _suggested_pair(view: StudyView) -> list[str]:
    """Return the keys of two experiments to compare at first: of the best two points, or two of the only one."""
    measured = [row.done for row in view.points if row.done]
    pair = measured[0][:2] if len(measured) == 1 else [done[0] for done in measured[:2]]
    return [outcome.key for outcome in pair]


def _experiment_columns(view: StudyView) -> Iterator[Column]:
    outcomes = view.study.experiments
    yield Column("remark:", "Experiment", "remark")
    yield Column("state:", "State", "state", choices=choices(state_label(outcome.state) for outcome in outcomes))
    yield Column("machine:", "Machine", "machine", len(view.machines) > 1, choices=tuple(view.machines))
    yield from _owner_columns([(outcome,) for outcome in outcomes])
    for name in dict.fromkeys(name for outcome in outcomes for name in outcome.values):
        if differ(name, outcomes):
            texts = choices(plain_text(outcome.values.get(name)) for outcome in outcomes)
            shown = name in view.varying or name in view.study.plan.get("axes", ())
            yield Column(f"parameter:{name}", view.parameter_label(name), "parameter", shown, choices=texts)
    for metric in view.study.metrics:
        yield metric_column(metric, shown=metric is view.primary)
    used = {name for outcome in outcomes for name, value in outcome.usage.items() if value is not None}
    yield from (usage_column(name) for name in USAGE if name == "seconds" or name in used)
    if any(outcome.reason for outcome in outcomes):
        yield Column("reason:", "Reason", "reason")


def _experiment_cell(column: Column, outcome: Outcome) -> Cell:
    match column.kind:
        case "parameter":
            return parameter_cell(outcome.values.get(column.name))
        case "metric":
            return measurement_cell(outcome.metrics.get(column.name))
        case "state":
            return Cell(state_label(outcome.state), outcome.state)
        case "owner":
            return Cell(_owner_text([outcome], column.name))
        case "usage":
            value = outcome.used(column.name)
            return usage_cell(column.name, None if value is None else Summary(1, value, None, value, value))
    texts = {"machine": outcome.machine, "reason": outcome.reason}
    return Cell(texts[column.kind])
