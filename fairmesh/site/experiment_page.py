"""The page of one experiment: what it was, what came out, how to do it again."""

from __future__ import annotations

import shlex
import statistics
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2

from fairmesh.files import write_text
from fairmesh.results import Outcome
from fairmesh.results.metrics import readable
from fairmesh.results.series import Row as Cells
from fairmesh.results.series import Value, read_rows
from fairmesh.runner.protocol import CONFIG, EXPERIMENTS, HISTORY, JOB, LOG, METRICS, RECORDS, TELEMETRY
from fairmesh.site import charts
from fairmesh.site.artefacts import publish
from fairmesh.site.view import BAD_ENDS, StudyView

LARGEST_STUDY = 200  # experiments; of a larger study the failed and the best get a page
_TABLE_ROWS = 50
_SAMPLES = 200
_LOG_LINES = 40
_DRAWN = {"cpu": "Processor use", "memory": "Memory", "utilisation": "Accelerator use", "power": "Accelerator power"}
_MIB = 1 << 20


def choose(view: StudyView) -> list[Outcome]:
    """Give the experiments that get a page: all, or of a large study the failed and then the best."""
    ranked = [outcome for point in view.points for outcome in point.outcomes if outcome.state not in BAD_ENDS]
    return [*view.failures, *ranked][:LARGEST_STUDY]


def write_experiment_page(view: StudyView, outcome: Outcome, docs: Path, templates: jinja2.Environment) -> None:
    """Write the page with its downloads into ``docs/studies/<study>/experiments/<key>``."""
    study = view.study
    folder = docs / "studies" / study.name / "experiments" / outcome.key
    results = study.folder.name if study.folder.parent == Path() else f"{study.folder.parent.name}/{study.name}"
    record = Path(RECORDS) / outcome.machine / f"{outcome.id}.json"
    attempt = outcome.attempt
    sources = [attempt / name for name in (METRICS, HISTORY, TELEMETRY, LOG)] if attempt else []
    sources += [outcome.folder / CONFIG, outcome.folder / JOB]
    downloads = [
        *publish(study.folder, [study.folder / record], folder),
        *publish(study.folder, sources, folder, "files"),
    ]
    figures = sorted((attempt / "figures").glob("*.png")) if attempt else []
    text = templates.get_template("experiment.md.jinja").render(
        view=view,
        outcome=outcome,
        charts=list(_telemetry(outcome)),
        figures=[
            (readable(Path(figure.name).stem), figure) for figure in publish(study.folder, figures, folder, "figures")
        ],
        tables=list(_tables(view, outcome)),
        environment=study.environment(outcome),
        commands=[
            f"snakemake --profile profiles/local {shlex.quote(f'{results}/{record}')}",
            f"bash {shlex.quote(f'{results}/{EXPERIMENTS}/{outcome.machine}/{outcome.id}/{JOB}')}",
        ],
        downloads=downloads,
        log=outcome.log_tail(_LOG_LINES),
        root="../../../../",
    )
    write_text(folder / "index.md", text)


def _tables(view: StudyView, outcome: Outcome) -> Iterator[dict[str, Any]]:
    for name, declared in (view.application.get("tables") or {}).items():
        rows = read_rows(outcome.attempt / "tables" / f"{name}.csv") if outcome.attempt else []
        if rows:
            yield {
                "title": declared.get("title") or name,
                "columns": list(rows[0]),
                "rows": rows[:_TABLE_ROWS],
                "left_out": max(0, len(rows) - _TABLE_ROWS),
            }


def _telemetry(outcome: Outcome) -> Iterator[charts.Chart]:
    rows = read_rows(outcome.attempt / TELEMETRY) if outcome.attempt else []
    for metric, title in _DRAWN.items():
        series: dict[Value, list[tuple[float, float]]] = {}
        unit = ""
        for cells in rows:
            measured, seconds = cells.get("value"), _seconds(rows[0], cells)
            if cells.get("metric") == metric and isinstance(measured, float) and seconds is not None:
                unit = "MiB" if cells.get("unit") == "byte" else str(cells.get("unit"))
                series.setdefault(cells.get("device"), []).append(
                    (seconds, measured / _MIB if unit == "MiB" else measured)
                )
        if any(len(samples) > 1 for samples in series.values()):
            data = [
                {"seconds": second, "value": level, "device": str(device)}
                for device, samples in series.items()
                for second, level in _thinned(samples)
            ]
            yield charts.over_time(title, f"{title} ({unit})", data)


def _seconds(first: Cells, cells: Cells) -> float | None:
    try:
        start, moment = (datetime.fromisoformat(str(row.get("time"))) for row in (first, cells))
        return (moment - start).total_seconds()
    except (TypeError, ValueError):
        return None


def _thinned(samples: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Give at most ``_SAMPLES`` means of neighbouring samples."""
    width = -(-len(samples) // _SAMPLES)
    for start in range(0, len(samples), width):
        seconds, levels = zip(*samples[start : start + width], strict=True)
        yield round(statistics.fmean(seconds), 1), round(statistics.fmean(levels), 3)
