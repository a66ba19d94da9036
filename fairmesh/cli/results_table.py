"""The table of results for the terminal, as CSV and as JSON, with the numbers of the website."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from fairmesh.cli.output import csv_text, table
from fairmesh.errors import InputError, Problem, nearest
from fairmesh.jobs.paths import StudyPaths
from fairmesh.names import number_text
from fairmesh.printing import count_text
from fairmesh.results import Outcome, Summary, load_study
from fairmesh.results import table as results_frame
from fairmesh.results.compare import value_json
from fairmesh.results.metrics import MetricValue
from fairmesh.results.other_code import measured_with_other_code
from fairmesh.results.selection import filter_results
from fairmesh.results.statistics import half_width
from fairmesh.results.table import csv_of, units
from fairmesh.site import sentences
from fairmesh.site.cells import USAGE, Cell, Column
from fairmesh.site.tables import ExperimentTable, Leaderboard
from fairmesh.site.view import BoardRow, StudyView
from fairmesh.status.states import state_label

Entry = tuple[BoardRow | Outcome, list[Cell]]


@dataclass(frozen=True)
class ResultsTable:
    """Results of a study in rows.

    Parameters
    ----------
    view : StudyView
        The study, with the selected results.
    columns : list of Column
        The columns of the website's table.
    entries : list
        Rows of the leaderboard, or experiments, with their cells.
    sort : str
        The key of the column to sort by; if empty, the order of the website.
    where : str
        The condition of the selection; if empty, all results.
    """

    view: StudyView
    columns: list[Column]
    entries: list[Entry]
    sort: str = ""
    where: str = ""

    @classmethod
    def of(
        cls, paths: StudyPaths, unfolded: bool, where: str, sort: str, limit: int | None, names: Sequence[str] = ()
    ) -> ResultsTable:
        """Load a study's results.

        Raises
        ------
        InputError
            If no result fulfills ``where``, a name names nothing, or there is no such column to sort by.
        """
        study = load_study(paths.home, paths.study)
        if names:
            study = replace(study, experiments=study.finder.find_all(names))
        view = StudyView(filter_results(study, where) if where else study)
        table = cls._unfolded(view) if unfolded else cls._folded(view)
        ordered = table._sorted(sort) if sort else table
        return replace(ordered, entries=ordered.entries[:limit], where=where)

    @classmethod
    def _folded(cls, view: StudyView) -> ResultsTable:
        board = Leaderboard.of(view)
        return cls(view, board.columns, list(board.rows))

    @classmethod
    def _unfolded(cls, view: StudyView) -> ResultsTable:
        board = ExperimentTable.of(view)
        return cls(
            view, board.columns, [(experiment, board.cells(experiment)) for experiment in view.study.experiments]
        )

    def _sorted(self, name: str) -> ResultsTable:
        """Sort by a column, better values first, and missing ones last."""
        known = {column.name: column for column in self.columns if column.kind in {"parameter", "metric", "usage"}}
        if name not in known:
            raise InputError([Problem(f"cannot sort by {name!r}", "--sort", ", ".join(known), nearest(name, known))])
        column = known[name]
        having = [entry for entry in self.entries if _sort_value(column, entry[0]) is not None]
        numeric = all(isinstance(_sort_value(column, entry[0]), int | float) for entry in having)
        having.sort(
            key=lambda entry: _sort_value(column, entry[0]) if numeric else str(_sort_value(column, entry[0])),
            reverse=column.better == "higher",
        )
        others = [entry for entry in self.entries if _sort_value(column, entry[0]) is None]
        return replace(self, entries=having + others, sort=column.key)

    def text(self, wide: bool = False) -> str:
        """Return the table as text for a terminal."""
        shown = [index for index, column in enumerate(self.columns) if wide or column.shown or column.key == self.sort]
        heads = [self.columns[index].title for index in shown]
        rows = [
            [_shown(source, self.columns[index], cells[index]) for index in shown] for source, cells in self.entries
        ]
        return "\n".join([*self._head(), "", table(heads, rows), "", *sentences.remarks(self.view), self._counts()])

    def _head(self) -> list[str]:
        chosen = f", where {self.where}" if self.where else ""
        headline = sentences.headline(self.view)
        return [f"{self.view.study.name}: {self.view.title}{chosen}", *([headline] if headline else [])]

    def _counts(self) -> str:
        counts = ", ".join(f"{count} {state_label(state)}" for state, count in self.view.counts.items())
        return f"{count_text(len(self.view.study.experiments), 'experiment')}: {counts}"

    def csv(self) -> str:
        """Return CSV: results.csv of experiments, or a line for each point with mean and half of the 95 % interval."""
        outcomes = [outcome for outcome, _ in self.entries if isinstance(outcome, Outcome)]
        if outcomes:
            return csv_of(results_frame(replace(self.view.study, experiments=outcomes))).rstrip("\n")
        heads = [head for column in self.columns for head in _heads(column)]
        rows = [
            [text for column, cell in zip(self.columns, cells, strict=True) for text in _numbers(source, column, cell)]
            for source, cells in self.entries
        ]
        return csv_text(heads, rows)

    def to_json(self) -> dict[str, Any]:
        """Return all details of the results."""
        study = self.view.study
        return {
            "study": study.name,
            "title": self.view.title,
            "primary": study.primary.name if study.primary else None,
            "units": units(study),
            "better": {metric.name: metric.better for metric in study.metrics if metric.better},
            "counts": self.view.counts,
            "headline": sentences.headline(self.view),
            "other_code": [outcome.id for outcome in measured_with_other_code(study)],
            "undeclared": [metric.name for metric in study.metrics if not metric.is_declared],
            "rows": [_json(source, self.view) for source, _ in self.entries],
        }


def _shown(source: BoardRow | Outcome, column: Column, cell: Cell) -> str:
    """Return the text of a cell; in the column of remarks, it names a baseline."""
    if column.kind == "remark" and isinstance(source, BoardRow) and source.is_baseline:
        return f"baseline: {source.name}"
    return cell.text


def _sort_value(column: Column, source: BoardRow | Outcome) -> Any:
    if column.kind == "parameter":
        return source.values.get(column.name)
    value = _measured(column, source)
    return None if value is None else value.mean if isinstance(value, Summary) else value.value


def _measured(column: Column, source: BoardRow | Outcome) -> Summary | MetricValue | None:
    """Return the measured value of a column, or the resources used."""
    if isinstance(source, BoardRow):
        single = source.done[0] if len(source.done) == 1 else None
        if single and column.kind == "metric":
            return single.metrics.get(column.name)
        return (source.metrics if column.kind == "metric" else source.usage).get(column.name)
    if column.kind == "metric":
        return source.metrics.get(column.name)
    amount = source.used(column.name)
    return None if amount is None else MetricValue(amount)


def _heads(column: Column) -> list[str]:
    title = _TITLES.get(column.name, column.title) if column.kind == "usage" else column.title
    return [title, f"{title} ±"] if column.kind in {"metric", "usage"} else [title]


_TITLES = {"peak_bytes": "Peak memory (byte)"}  # not converted in CSV


def _numbers(source: BoardRow | Outcome, column: Column, cell: Cell) -> list[str]:
    if column.kind == "state":
        return [str(cell.order)]
    if column.kind not in {"metric", "usage"}:
        return [_shown(source, column, cell)]
    value = _measured(column, source)
    if value is None:
        return ["", ""]
    if isinstance(value, MetricValue):
        return [number_text(value.value), ""]
    half = half_width(value)
    return [number_text(value.mean), "" if half is None else number_text(half)]


def _json(source: BoardRow | Outcome, view: StudyView) -> dict[str, Any]:
    metrics = {
        metric.name: _measured(Column(f"metric:{metric.name}", "", "metric"), source) for metric in view.study.metrics
    }
    used = {name: _measured(Column(f"usage:{name}", "", "usage"), source) for name in USAGE}
    entry = _row_json(source, view) if isinstance(source, BoardRow) else _outcome_json(source, view)
    return entry | {
        "metrics": {name: value_json(value) for name, value in metrics.items() if value},
        "usage": {name: value_json(value) for name, value in used.items() if value},
    }


def _row_json(row: BoardRow, view: StudyView) -> dict[str, Any]:
    return {
        "name": row.name or view.study.names.of_point(row.outcomes[0].axes),
        "baseline": row.name if row.is_baseline else None,
        "best": row is view.best,
        "verdict": view.verdict(row),
        "machine": row.outcomes[0].machine if row.outcomes else None,
        "parameters": row.values,
        "n": len(row.done),
        "experiments": [outcome.id for outcome in row.outcomes],
        "remark": "; ".join(filter(None, (sentences.verdict_text(view, row), row.remark))),
    }


def _outcome_json(outcome: Outcome, view: StudyView) -> dict[str, Any]:
    names = ("machine", "id", "key", "state", "reason", "node", "axes", "parameters", "resources")
    return {"name": view.study.names.of(outcome.axes)} | {name: getattr(outcome, name) for name in names}
