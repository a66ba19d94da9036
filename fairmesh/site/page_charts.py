"""The charts of pages: those of a study, and those of one attempt."""

from __future__ import annotations

import io
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from fairmesh.names import plain_text
from fairmesh.results import Summary
from fairmesh.results.csv_files import Row as CsvRow
from fairmesh.results.csv_files import Rows, Value, read_rows
from fairmesh.results.metrics import readable
from fairmesh.results.statistics import half_width
from fairmesh.runner.protocol import HISTORY
from fairmesh.runner.safefiles import read_regular
from fairmesh.site import charts
from fairmesh.site.cells import Column, drawable, is_too_large
from fairmesh.site.tables import Leaderboard
from fairmesh.site.view import BoardRow, StudyView

EPOCH = "epoch"
VALIDATION = "val_"
_TITLES = {"cpu": "Processor use", "memory": "Memory", "utilisation": "Accelerator use", "power": "Accelerator power"}
_COLUMNS = ["time", "device", "metric", "value", "unit"]
_SAMPLES = 200
_MIB = 1 << 20
MAX_LINES = 30  # points in one chart of lines; more cannot be distinguished
COLORS = len(charts.PALETTE)
PICTURED = 200  # points of the pictures without JavaScript; of more, readers save the charts of the page
_AS_TEXT = "Integers beyond ±2^53 are shown as text, since a chart would round them."


def explorers(board: Leaderboard) -> Iterator[charts.Chart]:
    """Yield the charts whose axes readers choose: by parameter, one quantity against another, by machine."""
    parameters, machines, metrics, usage = (
        [column for column in board.columns if column.kind == kind]
        for kind in ("parameter", "machine", "metric", "usage")
    )
    measured = sum(bool(row.done) for row, _ in board.rows)
    if measured < 2 or not metrics:
        return
    groups = _keys([*parameters, *machines])
    if groups:
        colors = [*groups[1:2], "", *groups[:1], *groups[2:]]
        controls = {"name": "by", "x": groups, "y": _keys([*metrics, *usage]), "color": colors, "front": False}
        described = (
            f"Any result by any parameter. {_note(value for row, _ in board.rows for value in row.values.values())}"
        )
        yield charts.draw_explorer("By parameter", described.strip(), controls)
    if usage:
        controls = {"name": "trade", "x": _keys([*usage, *metrics]), "y": _keys(metrics), "front": True}
        described = "The dashed line joins the best trade-offs (Pareto front): nothing is better in both."
        yield charts.draw_explorer("Trade-offs", described, controls | {"color": ["", *groups]})
    if machines and usage:
        controls = {"name": "machines", "x": _keys(machines), "y": _keys(usage), "front": False}
        colors = [*_keys(parameters), ""]
        yield charts.draw_explorer(
            "By machine", "What the same point needs on each machine.", controls | {"color": colors}
        )


def _keys(columns: Iterable[Column]) -> list[str]:
    return [column.key for column in columns]


def static_charts(view: StudyView) -> Iterator[charts.Chart]:
    """Yield each result by parameter, as the explorers draw it at first, for readers without JavaScript and papers."""
    if len(view.points) > PICTURED:
        return
    quantities = [("seconds", "Time", "Time (s)")]
    if view.primary:
        quantities.insert(0, (view.primary.name, view.primary.title, view.primary.label))
    for parameter in view.varying:
        others = [name for name in view.varying if name != parameter]
        for name, title, label in quantities:
            rows = list(_groups(view, parameter, others, name))
            if rows:
                few = 1 < len({row["series"] for row in rows}) <= COLORS
                legend = ", ".join([*others, *(["machine"] if len(view.machines) > 1 else [])])
                parameter_label = view.parameter_label(parameter)
                note = _note(point.values[parameter] for point in view.points)
                yield charts.draw_by_parameter(parameter_label, title, label, rows, legend if few else "", note)


def _note(values: Iterable[Any]) -> str:
    """Return a sentence about values that charts show as text; empty if there are none."""
    return _AS_TEXT if any(map(is_too_large, values)) else ""


def lines_and_tables(view: StudyView) -> Iterator[charts.Chart]:
    """Yield the learning curves, and the charts of tables that the application declares."""
    points = [point for point in view.points if point.done][:MAX_LINES]
    if points:
        yield from _learning_curves(points)
        yield from _tables(view, points)


def _learning_curves(points: list[BoardRow]) -> Iterator[charts.Chart]:
    histories = {point.name: _rows_of(point, Path(HISTORY)) for point in points}
    columns = dict.fromkeys(name for rows in histories.values() for cells in rows[:1] for name in cells)
    for name in columns:
        if f"{VALIDATION}{name}" not in columns:
            continue
        rows = []
        for point, cells in histories.items():
            for split, column in (("training", name), ("validation", f"{VALIDATION}{name}")):
                means = _mean_by(cells, "epoch", column)
                rows += [{"epoch": e, "value": v, "split": split, "point": point} for e, v in means.items()]
        if rows:
            yield _noted(charts.draw_learning_curves(readable(name), rows), histories.values())


def _groups(view: StudyView, parameter: str, others: list[str], quantity: str) -> Iterator[dict[str, Any]]:
    for point in view.points:
        summary = point.metrics.get(quantity) or point.usage.get(quantity)
        x = point.values[parameter]
        if summary is None or x is None:
            continue
        series = [plain_text(point.values[name]) for name in others]
        series += [point.outcomes[0].machine] if len(view.machines) > 1 else []
        yield {
            "x": drawable(x),
            "series": ", ".join(series),
            "point": point.name,
            **_band(summary),
        }


def _band(summary: Summary) -> dict[str, float]:
    half = half_width(summary) or 0.0
    return {"mean": summary.mean, "low": summary.mean - half, "high": summary.mean + half, "n": summary.n}


def _tables(view: StudyView, points: list[BoardRow]) -> Iterator[charts.Chart]:
    for name, declared in (view.application.get("tables") or {}).items():
        plot = declared.get("plot") or {}
        if not {"x", "y"} <= plot.keys():
            continue
        path = Path("tables") / f"{name}.csv"
        tables = {point.name: _rows_of(point, path) for point in points}
        means = {point: _mean_by(table, plot["x"], plot["y"]) for point, table in tables.items()}
        title, label = str(declared.get("title") or name), view.metric_label(plot["y"])
        if all(isinstance(item, float) for by_item in means.values() for item in by_item):
            drawn = _numbered(title, readable(str(plot["x"])), label, means)
        else:
            first = f"At the best point, {points[0].name}" if view.best else f"At the first point, {points[0].name}"
            drawn = _named(title, readable(str(plot["x"])), label, means, first if points[0].name else "")
        yield from (_noted(chart, tables.values()) for chart in drawn)


def _numbered(title: str, x: str, label: str, means: dict[str, dict[Value, float]]) -> Iterator[charts.Chart]:
    lines = [{"x": item, "value": y, "point": point} for point, by_item in means.items() for item, y in by_item.items()]
    if lines:
        yield charts.draw_curves(title, x, label, lines)


def _named(
    title: str, item: str, label: str, means: dict[str, dict[Value, float]], first: str
) -> Iterator[charts.Chart]:
    first_point = next(iter(means.values()))
    if first_point:
        rows = [{"item": plain_text(item), "value": mean} for item, mean in first_point.items()]
        where = f"{first}; mean of the repeats." if first else "Mean of the repeats."
        yield charts.draw_by_item(title, item, label, rows, where)
    ranked = [
        {"rank": rank, "value": mean, "point": point}
        for point, by_item in means.items()
        for rank, mean in enumerate(sorted(by_item.values(), reverse=True), 1)
    ]
    if len(means) > 1 and ranked:
        yield charts.draw_spectrum(title, label, ranked)


def _rows_of(point: BoardRow, path: Path) -> Rows:
    """Return the rows of a file of all repeats of a point."""
    tables = [read_rows(outcome.attempt / path) for outcome in point.done if outcome.attempt]
    rows = Rows(cells for table in tables for cells in table)
    rows.note = next((table.note for table in tables if table.note), "")
    return rows


def _noted(chart: charts.Chart, tables: Iterable[Rows]) -> charts.Chart:
    """Add to a chart's description which parts of the files are not drawn."""
    note = next((table.note for table in tables if table.note), "")
    return replace(chart, description=f"{chart.description} {note}") if note else chart


def _mean_by(rows: Iterable[CsvRow], key: str, column: str) -> dict[Value, float]:
    """Return the mean of a column for each value of another one, in the order of their first appearance."""
    grouped: dict[Value, list[float]] = {}
    for cells in rows:
        x, y = cells.get(key), cells.get(column)
        if x is not None and isinstance(y, float):
            grouped.setdefault(x, []).append(y)
    return {x: statistics.fmean(values) for x, values in grouped.items()}


# ---- One attempt -----------------------------------------------------------------------------------------------------


def history_charts(rows: Sequence[CsvRow]) -> Iterator[charts.Chart]:
    """Yield a chart for each metric that a program measured by epoch, training and validation in one chart."""
    columns = dict.fromkeys(name for row in rows for name in row)
    for name in dict.fromkeys(column.removeprefix(VALIDATION) for column in columns if column != EPOCH):
        drawn = [
            {"epoch": row[EPOCH], "value": row[column], "split": split, "point": ""}
            for column, split in ((name, "training"), (f"{VALIDATION}{name}", "validation"))
            for row in rows
            if isinstance(row.get(column), float) and isinstance(row.get(EPOCH), float)
        ]
        if drawn:
            yield charts.draw_learning_curves(readable(name), drawn)


def telemetry_charts(path: Path) -> Iterator[charts.Chart]:
    """Yield a chart for each drawn metric that has at least two samples; none if the file is missing or damaged."""
    frame = _read_samples(path)
    for metric, title in _TITLES.items():
        samples = frame[frame["metric"] == metric]
        if len(samples) < 2:
            continue
        unit = str(samples["unit"].iloc[0])
        if unit == "byte":
            unit, samples = "MiB", samples.assign(value=samples["value"] / _MIB)
        rows = [row for device, own in samples.groupby("device") for row in _thinned(str(device), own)]
        yield charts.draw_over_time(title, f"{title} ({unit})", rows)


def _read_samples(path: Path) -> pd.DataFrame:
    """Return the samples with the seconds since the first one; pandas reads the millions of a day fast enough."""
    empty = pd.DataFrame(columns=[*_COLUMNS, "seconds"])
    try:
        samples = io.BytesIO(read_regular(str(path), follow_links=False))
        frame = pd.read_csv(samples, usecols=_COLUMNS, dtype="str", on_bad_lines="skip", encoding_errors="replace")
    except (OSError, ValueError):  # pandas' own errors are ValueErrors
        return empty
    frame["value"] = pd.to_numeric(frame["value"], errors="coerce")
    moments = pd.to_datetime(frame["time"], errors="coerce", utc=True, format="ISO8601")
    frame["seconds"] = (moments - moments.min()).dt.total_seconds()
    return frame[frame[["value", "seconds"]].abs().lt(float("inf")).all(axis=1)]


def _thinned(device: str, samples: pd.DataFrame) -> list[charts.Row]:
    """Return at most ``_SAMPLES`` means of neighboring samples."""
    width = -(-len(samples) // _SAMPLES)
    bins = pd.RangeIndex(len(samples)) // width
    means = samples[["seconds", "value"]].groupby(bins).mean().round(3)
    return [{"seconds": seconds, "value": value, "device": device} for seconds, value in means.itertuples(index=False)]
