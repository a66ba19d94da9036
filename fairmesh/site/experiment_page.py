"""The page of one experiment: what it was, what came out, how to do it again."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2

from fairmesh.files import write_text
from fairmesh.jobs.attempts import BAD_ENDS
from fairmesh.results import Outcome
from fairmesh.results.series import Rows, read_rows
from fairmesh.runner.protocol import CONFIG, EXPERIMENTS, HISTORY, JOB, LOG, METRICS, RECORDS, TELEMETRY
from fairmesh.site.artefacts import publish
from fairmesh.site.figures import Figures, StudyFigures
from fairmesh.site.numbers import column, value
from fairmesh.site.telemetry import telemetry_charts
from fairmesh.site.view import StudyView

LARGEST_STUDY = 200  # experiments; of a larger study the failed and the best get a page
_TABLE_ROWS = 50
_LOG_LINES = 40


def choose(view: StudyView) -> list[Outcome]:
    """Return the experiments that get a page: all, or of a large study the failed and then the best."""
    ranked = [outcome for point in view.points for outcome in point.outcomes if outcome.state not in BAD_ENDS]
    return [*view.failures, *ranked][:LARGEST_STUDY]


def write_experiment_page(
    view: StudyView, outcome: Outcome, figures: StudyFigures, templates: jinja2.Environment
) -> Figures:
    """Write the page with its downloads into ``experiments/<key>`` beside the study's page; gives its figures."""
    study = view.study
    folder = figures.target / "experiments" / outcome.key
    results = study.folder.name if study.folder.parent == Path() else f"{study.folder.parent.name}/{study.name}"
    record = Path(RECORDS) / outcome.machine / f"{outcome.id}.json"
    attempt = outcome.attempt
    sources = [attempt / name for name in (METRICS, HISTORY, TELEMETRY, LOG)] if attempt else []
    sources += sorted((attempt / "tables").glob("*.csv")) if attempt else []
    sources += [outcome.folder / CONFIG, outcome.folder / JOB]
    downloads = [
        *publish(study.folder, [study.folder / record], folder),
        *publish(study.folder, sources, folder, "files"),
    ]
    found = figures.publish(outcome, folder)
    text = templates.get_template("experiment.md.jinja").render(
        view=view,
        outcome=outcome,
        charts=list(telemetry_charts(attempt / TELEMETRY)) if attempt else [],
        figures=found,
        tables=list(_tables(view, outcome)),
        parameters=list(_parameters(view, outcome)),
        intervals=any(found.low is not None for found in outcome.metrics.values()),
        environment=study.environment(outcome),
        commands=list(_commands(outcome, study.name, results, str(record))),
        title=view.title_of(outcome),
        largest=LARGEST_STUDY,
        linked_data=_linked_data(view, outcome),
        compare=f"../../../../compare.html#{urlencode({'pick': f'{study.name}/{outcome.key}'})}",
        downloads=downloads,
        log=outcome.log_tail(_LOG_LINES),
        root="../../../../",
    )
    write_text(folder / "index.md", text)
    return found


def _commands(outcome: Outcome, study: str, results: str, record: str) -> Iterator[tuple[str, str]]:
    """Yield each command that runs the experiment again, after what it does."""
    target = shlex.quote(f"{results}/{record}")
    job = shlex.quote(f"{results}/{EXPERIMENTS}/{outcome.machine}/{outcome.id}/{JOB}")
    yield (
        "The first line runs it again through the workflow.",
        f"snakemake --profile profiles/local --force {target} --config study={study}",
    )
    yield "The second one starts its job alone, if it has no result yet.", f"bash {job}"
    if outcome.record:
        told = "The third one measures it anew elsewhere, and says whether each metric agrees."
        yield told, f"fairmesh reproduce {target}"


def _parameters(view: StudyView, outcome: Outcome) -> Iterator[dict[str, Any]]:
    """Yield each parameter with what the application says of it, and whether the study sets it."""
    declared = view.application.get("parameters") or {}
    for name, found in outcome.values.items():
        about = declared.get(name) or {}
        unit = about.get("unit") or ""
        yield {
            "name": name,
            "value": value(found) or "(empty)",
            "unit": "" if unit == "1" else unit,
            "description": about.get("description") or "",
            "own": name in outcome.axes,
        }


def _linked_data(view: StudyView, outcome: Outcome) -> dict[str, Any]:
    """Return the description of the experiment as a part of the study's data set."""
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": view.title_of(outcome),
        "description": f"One experiment of {view.title}: {outcome.id} on {outcome.machine}, {outcome.state}.",
        "identifier": outcome.key,
        "isPartOf": {"@type": "Dataset", "name": view.title},
        "variableMeasured": [
            {"@type": "PropertyValue", "name": metric.title, "unitText": metric.unit or "1", "value": found.value}
            for metric in view.study.metrics
            if (found := outcome.metrics.get(metric.name))
        ],
    }


def _tables(view: StudyView, outcome: Outcome) -> Iterator[dict[str, Any]]:
    for name, declared in (view.application.get("tables") or {}).items():
        rows = read_rows(outcome.attempt / "tables" / f"{name}.csv", first=_TABLE_ROWS) if outcome.attempt else Rows()
        if rows:
            shown = [column([row.get(head) for row in rows]) for head in rows[0]]
            yield {
                "title": declared.get("title") or name,
                "description": declared.get("description"),
                "columns": list(rows[0]),
                "rows": list(zip(*shown, strict=True)),
                "left_out": rows.total - len(rows),
            }
