"""The results so far: metrics as the application declares them, a chart of them, and where the website is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from fairmesh.api.listing import metric_names
from fairmesh.jobs.paths import StudyPaths
from fairmesh.monitor.display import escape_text
from fairmesh.names import REPEAT, plain_text
from fairmesh.results.metrics import Metric
from fairmesh.results.statistics import half_width, summarize
from fairmesh.runner import jsonfiles
from fairmesh.site.cells import drawable
from fairmesh.site.charts import PALETTE, Row, draw_by_parameter
from fairmesh.status import JobStatus, StudyStatus


def measured_metrics(paths: StudyPaths, status: StudyStatus) -> list[Metric]:
    """Return the metrics of which there are results, the primary one first."""
    declared = _read_declared(str(paths.plan), paths.plan.stat().st_mtime_ns)
    metrics = [Metric.from_plan(name, declared.get(name)) for name in metric_names(status)]
    return sorted(metrics, key=lambda metric: not metric.primary)


@st.cache_data(show_spinner=False, max_entries=20)
def _read_declared(plan: str, changed: int) -> dict[str, dict[str, object]]:
    application = (jsonfiles.read_map(plan) or {}).get("application")
    declared = application.get("metrics") if isinstance(application, dict) else None
    return {str(name): entry for name, entry in declared.items()} if isinstance(declared, dict) else {}


def show_results(paths: StudyPaths, status: StudyStatus) -> None:
    """Show the chart of a metric by an axis, both of which the reader chooses, and where the website is."""
    metrics = {metric.name: metric for metric in measured_metrics(paths, status)}
    axes = _varying_axes(status.experiments)
    if metrics:
        st.header("Results so far")
    if metrics and axes:
        left, right = st.columns(2)
        name = left.selectbox(
            "Metric", list(metrics), key="metric", bind="query-params", format_func=lambda name: metrics[name].title
        )
        axis = right.selectbox("By", axes, key="axis", bind="query-params")
        _show_chart(metrics[name if name in metrics else next(iter(metrics))], axis or axes[0], axes, status)
    _show_website(paths)


def _varying_axes(jobs: Sequence[JobStatus]) -> list[str]:
    """Return the axes with several values, without the repeat."""
    values: defaultdict[str, set[str]] = defaultdict(set)
    for job in jobs:
        for name, value in job.axes.items():
            values[name].add(plain_text(value))
    return [name for name, texts in values.items() if len(texts) > 1 and name != REPEAT]


def _show_chart(metric: Metric, axis: str, axes: Sequence[str], status: StudyStatus) -> None:
    rows = chart_rows(status.experiments, metric.name, axis, [name for name in axes if name != axis])
    if not rows:
        return
    has_colors = 1 < len({row["series"] for row in rows}) <= len(PALETTE)
    others = ", ".join(name for name in axes if name != axis) if has_colors else ""
    chart = draw_by_parameter(axis, metric.title, metric.label, rows, others)
    st.vega_lite_chart(chart.spec, width="stretch", alt=f"{chart.title}. {chart.description}")
    st.caption(f"{chart.description} {len(rows):,} points so far; the page Experiments has a column for each metric.")


def chart_rows(jobs: Sequence[JobStatus], metric: str, axis: str, others: Sequence[str]) -> list[Row]:
    """Return a row for each point with a result: the mean of its repeats, and the interval of the mean."""
    groups: defaultdict[tuple[str, str], list[JobStatus]] = defaultdict(list)
    has_machines = len({job.machine for job in jobs}) > 1
    for job in jobs:
        if metric in job.metrics and job.axes.get(axis) is not None:
            series = [plain_text(job.axes.get(name)) for name in others] + [job.machine] * has_machines
            groups[plain_text(job.axes[axis]), ", ".join(series)].append(job)
    return [_chart_row(group, metric, axis, series) for (_, series), group in groups.items()]


def _chart_row(jobs: Sequence[JobStatus], metric: str, axis: str, series: str) -> Row:
    values = [job.metrics[metric] for job in jobs]
    summary = summarize(values)
    half = (half_width(summary) if summary else None) or 0.0
    mean = sum(values) / len(values)
    band = {"mean": mean, "low": mean - half, "high": mean + half, "n": len(values)}
    return {"x": drawable(jobs[0].axes[axis]), "series": series, "point": jobs[0].name, **band}


def _show_website(paths: StudyPaths) -> None:
    """Show the page of the study on the website, if it was built; browsers open no files from a page of a server."""
    site = (jsonfiles.read_map(str(paths.published)) or {}).get("site")
    page = Path(str(site), "studies", paths.study, "index.html")
    if site and page.is_file():
        st.markdown("The website of this study; open it in the browser of this computer:")
        st.code(page.absolute().as_uri(), language=None)
    elif site:
        st.markdown(f"The website is not in {escape_text(site)}; build it with `fairmesh site`.")
