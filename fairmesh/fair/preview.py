"""What people read of a package: ``README.md`` and ``ro-crate-preview.html``; what a person named in it stays text."""

from __future__ import annotations

from itertools import islice

import jinja2

from fairmesh.fair.croissant import cite
from fairmesh.fair.package import Package
from fairmesh.names import number_text
from fairmesh.printing import escape_markdown
from fairmesh.results import MetricValue

SHOWN = 500  # experiments in the tables; results.csv has all


def readme(package: Package, missing: list[str]) -> str:
    """Return the content of ``README.md``."""
    made = _environment(autoescape=False)
    made.filters["md"] = escape_markdown
    return made.get_template("README.md.jinja").render(package=package, missing=missing, cite=cite(package))


def preview(package: Package, missing: list[str]) -> str:
    """Return the content of ``ro-crate-preview.html``: one page that needs nothing else."""
    rows = [
        (each, [_measured(each.outcome.metrics.get(metric.name)) for metric in package.study.metrics])
        for each in islice(package.experiments, SHOWN)
    ]
    top = [file for file in package.inventory if "/" not in file.path]
    rendered = _environment(autoescape=True).get_template("preview.html.jinja")
    return rendered.render(package=package, missing=missing, cite=cite(package), rows=rows, top=top)


def _measured(found: MetricValue | None) -> str:
    return number_text(float(f"{found.value:.6g}")) if found else ""


def _environment(*, autoescape: bool) -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("fairmesh.fair"),
        autoescape=autoescape,  # noqa: S701  Markdown has an escape of its own, the filter md
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
