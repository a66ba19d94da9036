"""The page of a study: leaderboard, charts, failures, downloads."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import jinja2

from fairmesh.files import write_text
from fairmesh.results import Outcome, Summary, write_csv
from fairmesh.results.load import PLAN
from fairmesh.results.metrics import readable
from fairmesh.results.series import Row as Cells
from fairmesh.results.series import Value, read_rows
from fairmesh.runner.protocol import HISTORY
from fairmesh.site import charts
from fairmesh.site.artefacts import Download, publish
from fairmesh.site.numbers import value
from fairmesh.site.view import Row, StudyView

DRAWN = 30  # points in one chart of lines; more cannot be told apart
COLOURS = len(charts.PALETTE)
_VALIDATION = "val_"
_LOG_LINES = 15


def write_study_page(view: StudyView, pages: dict[str, str], docs: Path, templates: jinja2.Environment) -> None:
    """Write the page with its downloads and pictures into ``docs/studies/<name>``.

    Parameters
    ----------
    pages : dict
        The link to the page of an experiment, by its key; not every experiment has one.
    """
    folder = docs / "studies" / view.study.name
    write_csv(view.frame, folder / "results.csv")
    size = (folder / "results.csv").stat().st_size
    downloads = [
        Download("results.csv", "results.csv", size),
        *publish(view.study.folder, [view.study.folder / PLAN], folder),
    ]
    drawn = list(_charts(view))
    for number, chart in enumerate(drawn, 1):
        write_text(folder / "charts" / f"{number}.svg", chart.svg())
    environments = {str(found): found for outcome in view.study.done if (found := view.study.environment(outcome))}
    text = templates.get_template("study.md.jinja").render(
        view=view,
        pages=pages,
        charts=drawn,
        downloads=downloads,
        environments=list(environments.values()),
        cite={"study": _citation(view), "application": view.application.get("citation")},
        log_lines=_LOG_LINES,
        root="../../",
    )
    write_text(folder / "index.md", text)


def _citation(view: StudyView) -> str:
    """Give the citation of the study, empty as long as nobody is named as its author."""
    publisher = view.study.plan.get("publisher") or {}
    authors = [
        author.get("name", "") if isinstance(author, dict) else author for author in publisher.get("authors") or []
    ]
    if not authors:
        return ""
    year = f" ({view.date[:4]})" if view.date else ""
    licence = f" Licence: {publisher['licence']}." if publisher.get("licence") else ""
    return f"{', '.join(map(str, authors))}{year}: {view.title}. Benchmark results.{licence}"


def _charts(view: StudyView) -> Iterator[charts.Chart]:
    points = [point for point in view.points if point.done][:DRAWN]
    if not points:
        return
    yield from _learning_curves(view, points)
    yield from _by_parameter(view)
    yield from _tables(view, points)


def _learning_curves(view: StudyView, points: list[Row]) -> Iterator[charts.Chart]:
    histories = {point.name: _rows_of(point, Path(HISTORY)) for point in points}
    columns = dict.fromkeys(name for rows in histories.values() for cells in rows[:1] for name in cells)
    for name in columns:
        if f"{_VALIDATION}{name}" not in columns:
            continue
        rows = []
        for split, column in (("training", name), ("validation", f"{_VALIDATION}{name}")):
            for point, cells in histories.items():
                means = _mean_by(cells, "epoch", column)
                rows += [{"epoch": e, "value": v, "split": split, "point": point} for e, v in means.items()]
        if rows:
            yield charts.learning_curves(readable(name), rows, points[0].name)


def _by_parameter(view: StudyView) -> Iterator[charts.Chart]:
    quantities = [("seconds", "Time", "Time (s)")]
    if view.primary:
        quantities.insert(0, (view.primary.name, view.primary.title, view.primary.label))
    for parameter in view.varying:
        others = [name for name in view.varying if name != parameter]
        for name, title, label in quantities:
            rows = list(_groups(view, parameter, others, name))
            if rows:
                few = 1 < len({row["series"] for row in rows}) <= COLOURS
                legend = ", ".join([*others, *(["machine"] if len(view.machines) > 1 else [])])
                yield charts.by_parameter(view.parameter_label(parameter), title, label, rows, legend if few else "")


def _groups(view: StudyView, parameter: str, others: list[str], quantity: str) -> Iterator[dict[str, Any]]:
    for point in view.points:
        summary = point.metrics.get(quantity) or point.usage.get(quantity)
        x = point.values[parameter]
        if summary is None or x is None:
            continue
        series = [value(point.values[name]) for name in others]
        series += [point.outcomes[0].machine] if len(view.machines) > 1 else []
        yield {
            "x": x if isinstance(x, int | float) and not isinstance(x, bool) else value(x),
            "series": ", ".join(series),
            "point": point.name,
            **_band(summary),
        }


def _band(summary: Summary) -> dict[str, float]:
    sd = summary.sd or 0.0
    return {"mean": summary.mean, "low": summary.mean - sd, "high": summary.mean + sd, "n": summary.n}


def _tables(view: StudyView, points: list[Row]) -> Iterator[charts.Chart]:
    for name, declared in (view.application.get("tables") or {}).items():
        plot = declared.get("plot") or {}
        if not {"x", "y"} <= plot.keys():
            continue
        path = Path("tables") / f"{name}.csv"
        means = {point.name: _mean_by(_rows_of(point, path), plot["x"], plot["y"]) for point in points}
        best = points[0].name
        title, label = str(declared.get("title") or name), view.metric_label(plot["y"])
        if all(isinstance(item, float) for by_item in means.values() for item in by_item):
            lines = [
                {"x": x, "value": y, "point": point} for point, by_item in means.items() for x, y in by_item.items()
            ]
            if lines:
                yield charts.curves(title, str(plot["x"]), label, lines, best)
            continue
        if means[best]:
            rows = [{"item": value(item), "value": mean} for item, mean in means[best].items()]
            yield charts.by_item(title, str(plot["x"]), label, rows, best)
        ranked = [
            {"rank": rank, "value": mean, "point": point}
            for point, by_item in means.items()
            for rank, mean in enumerate(sorted(by_item.values(), reverse=True), 1)
        ]
        if ranked:
            yield charts.spectrum(title, label, ranked, best)


def _rows_of(point: Row, path: Path) -> list[Cells]:
    """Give the rows of a file of all repeats of a point."""
    return [cells for outcome in point.done for cells in _read(outcome, path)]


def _read(outcome: Outcome, path: Path) -> list[Cells]:
    return read_rows(outcome.attempt / path) if outcome.attempt else []


def _mean_by(rows: Iterable[Cells], key: str, column: str) -> dict[Value, float]:
    """Give the mean of a column for each value of another one, in the order of their first appearance."""
    found: dict[Value, list[float]] = {}
    for cells in rows:
        x, y = cells.get(key), cells.get(column)
        if x is not None and isinstance(y, float):
            found.setdefault(x, []).append(y)
    return {x: statistics.fmean(values) for x, values in found.items()}
