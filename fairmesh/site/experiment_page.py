"""The page of one experiment: its parameters, its results, and how to repeat it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jinja2

from fairmesh.files import write_text
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.names import plain_text
from fairmesh.results import Outcome
from fairmesh.results.csv_files import Rows, read_rows
from fairmesh.runner.protocol import CONFIG, EXPERIMENTS, HISTORY, JOB, LOG, METRICS, RECORDS, TELEMETRY
from fairmesh.site.downloads import copy_files
from fairmesh.site.figures import Figures, StudyFigures
from fairmesh.site.numbers import column_texts
from fairmesh.site.page_charts import telemetry_charts
from fairmesh.site.view import StudyView
from fairmesh.status.states import state_label

LARGEST_STUDY = 200  # experiments; of a larger study the failed and the best get a page
_TABLE_ROWS = 50
_LOG_LINES = 40


def select_experiments(view: StudyView) -> list[Outcome]:
    """Return the experiments that have a page: all, or of a large study the failed ones and then the best."""
    ranked = [outcome for point in view.points for outcome in point.outcomes if outcome.state not in BAD_ENDS]
    return [*view.failures, *ranked][:LARGEST_STUDY]


def write_experiment_page(
    view: StudyView, outcome: Outcome, figures: StudyFigures, templates: jinja2.Environment
) -> Figures:
    """Write the page with its downloads into ``experiments/<key>`` beside the study's page; return its figures."""
    study = view.study
    folder = figures.target / "experiments" / outcome.key
    results = study.folder.name if study.folder.parent == Path() else f"{study.folder.parent.name}/{study.name}"
    record = Path(RECORDS) / outcome.machine / f"{outcome.id}.json"
    attempt = outcome.attempt
    sources = [attempt / name for name in (METRICS, HISTORY, TELEMETRY, LOG)] if attempt else []
    sources += sorted((attempt / "tables").glob("*.csv")) if attempt else []
    sources += [outcome.folder / CONFIG, outcome.folder / JOB]
    downloads = [
        *copy_files(study.folder, [study.folder / record], folder),
        *copy_files(study.folder, sources, folder, "files"),
    ]
    own_figures = figures.copy(outcome, folder)
    text = templates.get_template("experiment.md.jinja").render(
        view=view,
        outcome=outcome,
        charts=list(telemetry_charts(attempt / TELEMETRY)) if attempt else [],
        figures=own_figures,
        tables=list(_tables(view, outcome)),
        parameters=list(_parameters(view, outcome)),
        intervals=any(measured.low is not None for measured in outcome.metrics.values()),
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
    return own_figures


def _commands(outcome: Outcome, study: str, results: str, record: str) -> Iterator[tuple[str, str]]:
    """Yield the commands that repeat the experiment, each with a description."""
    target = shlex.quote(f"{results}/{record}")
    job = shlex.quote(f"{results}/{EXPERIMENTS}/{outcome.machine}/{outcome.id}/{JOB}")
    yield (
        "The first command runs it again through the workflow.",
        f"snakemake --profile profiles/local --force {target} --config study={study}",
    )
    yield "The second one starts only its job, if it has no result yet.", f"bash {job}"
    if outcome.record:
        description = "The third one measures it again elsewhere, and shows whether each metric agrees."
        yield description, f"fairmesh reproduce {target}"


def _parameters(view: StudyView, outcome: Outcome) -> Iterator[dict[str, Any]]:
    """Yield each parameter with its description in the application, and whether the study sets it."""
    declared = view.application.get("parameters") or {}
    for name, value in outcome.values.items():
        schema = declared.get(name) or {}
        unit = schema.get("unit") or ""
        yield {
            "name": name,
            "value": plain_text(value) or "(empty)",
            "unit": "" if unit == "1" else unit,
            "description": schema.get("description") or "",
            "own": name in outcome.axes,
        }


def _linked_data(view: StudyView, outcome: Outcome) -> dict[str, Any]:
    """Return the experiment as a schema.org Dataset, a part of the study's."""
    return {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": view.title_of(outcome),
        "description": f"Experiment {outcome.id} of {view.title} on {outcome.machine}: {state_label(outcome.state)}.",
        "identifier": outcome.key,
        "isPartOf": {"@type": "Dataset", "name": view.title},
        "variableMeasured": [
            {"@type": "PropertyValue", "name": metric.title, "unitText": metric.unit or "1", "value": measured.value}
            for metric in view.study.metrics
            if (measured := outcome.metrics.get(metric.name))
        ],
    }


def _tables(view: StudyView, outcome: Outcome) -> Iterator[dict[str, Any]]:
    for name, declared in (view.application.get("tables") or {}).items():
        rows = read_rows(outcome.attempt / "tables" / f"{name}.csv", first=_TABLE_ROWS) if outcome.attempt else Rows()
        if rows:
            texts = [column_texts([row.get(head) for row in rows]) for head in rows[0]]
            yield {
                "title": declared.get("title") or name,
                "description": declared.get("description"),
                "columns": list(rows[0]),
                "rows": list(zip(*texts, strict=True)),
                "left_out": rows.total - len(rows),
            }
