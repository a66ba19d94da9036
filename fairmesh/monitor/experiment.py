"""The page Experiment: one experiment with progress, learning curve, telemetry, log, parameters and figures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from fairmesh.api import outputs
from fairmesh.api.outputs import Artefact, artefacts
from fairmesh.api.status_cache import StatusCache
from fairmesh.dispatch.backoff import CONNECTED
from fairmesh.jobs.paths import JobPaths
from fairmesh.monitor import steering
from fairmesh.monitor.context import show_live
from fairmesh.monitor.display import escape_text, job_message, running_time
from fairmesh.names import plain_text
from fairmesh.printing import format_time
from fairmesh.results.csv_files import read_rows
from fairmesh.runner.protocol import ENDS, HISTORY, TELEMETRY
from fairmesh.runner.safefiles import read_regular
from fairmesh.site.charts import Chart
from fairmesh.site.page_charts import history_charts, telemetry_charts
from fairmesh.status import JobSelection, JobStatus, StudyStatus
from fairmesh.status.states import state_label

LOG_LINES = 30
MAX_FIGURES = 12
LARGEST_FIGURE = 10 << 20  # bytes
PNG = b"\x89PNG\r\n\x1a\n"


def show() -> None:
    """Show the page."""
    st.text_input(
        "Experiment",
        key="experiment",
        max_chars=300,
        bind="query-params",
        placeholder="Its axes, such as size=512 method=slices #2; its id or key",
    )
    show_live(_show_experiment)


def _show_experiment(cache: StatusCache) -> None:
    job = _find_job(cache.status(), str(st.session_state.get("experiment") or "").strip())
    if job is None:
        st.info("The study has no experiments.")
        return
    st.header(escape_text(job.name))
    st.progress(job.progress / 100, f"{state_label(job.state)} {job.progress} % {running_time(job)}")
    if job_message(job):
        st.markdown(escape_text(job_message(job)))
    _show_machine(cache.status(), job)
    _show_actions(cache, job)
    left, right = st.columns([3, 2])
    with left:
        _show_curves(job)
        for name, picture in islice(_read_figures(job), MAX_FIGURES):
            st.image(picture, caption=escape_text(name), alt=name, width="stretch")
    with right:
        _show_log(job)
        _show_facts(job)


def _find_job(status: StudyStatus, name: str) -> JobStatus | None:
    """Return the experiment of a name; without a name the first active one, else the first one."""
    if not name:
        active = (job for job in status.experiments if job.state not in ENDS and job.attempt)
        return next(active, next(iter(status.experiments), None))
    jobs = JobSelection((name,)).of(status)
    return next((job for job in jobs if name in {job.key, job.name}), jobs[0])


def _show_actions(cache: StatusCache, job: JobStatus) -> None:
    selection = JobSelection((job.key,))
    has_ended = job.state in ENDS
    with st.container(horizontal=True):
        steering.action_button(
            "Cancel", lambda: steering.cancel_jobs(cache, selection), cache, disabled=has_ended, key="cancel_one"
        )
        steering.action_button(
            "Retry", lambda: steering.retry_jobs(cache, selection), cache, disabled=not has_ended, key="retry_one"
        )


def _show_machine(status: StudyStatus, job: JobStatus) -> None:
    """Show why nothing is heard of the experiment's machine, if that is so."""
    for machine in status.machines:
        if machine.machine == job.machine and machine.state != CONNECTED:
            st.info(escape_text(f"{machine.machine}: {machine.text(status.now)}"))


def _show_curves(job: JobStatus) -> None:
    """Show the metrics by epoch and the telemetry so far."""
    if not job.attempt:
        return
    rows = read_rows(_attempt(job) / HISTORY)
    for chart in history_charts(rows):
        _show_chart(chart)
    if rows.note:
        st.caption(rows.note)
    for chart in telemetry_charts(_attempt(job) / TELEMETRY):
        _show_chart(chart)


def _show_chart(chart: Chart) -> None:
    st.markdown(f"**{escape_text(chart.title)}**")
    st.vega_lite_chart(chart.spec, width="stretch", alt=f"{chart.title}. {chart.description}")


def _read_figures(job: JobStatus) -> Iterator[tuple[str, bytes]]:
    """Yield the name and the bytes of each figure."""
    for artefact in artefacts(job).values():
        if artefact.name.startswith("figures/") and artefact.name.endswith(".png"):
            data = _read(artefact)
            if data.startswith(PNG):
                yield artefact.path.stem, data


def _read(artefact: Artefact) -> bytes:
    """Return the bytes of a file; none if it is too large or no longer there."""
    try:
        return read_regular(str(artefact.path), LARGEST_FIGURE, follow_links=False)
    except OSError:
        return b""


def _show_log(job: JobStatus) -> None:
    st.header("Log")
    lines = outputs.last_log_lines(job, LOG_LINES) if job.attempt else []
    st.code("\n".join(lines) or "No output yet", language=None, wrap_lines=True)


def _show_facts(job: JobStatus) -> None:
    """Show the planned values, and where and when the experiment runs."""
    st.header("Parameters")
    planned = {**job.point.get("parameters", {}), **job.point.get("axes", {})}
    _show_table(planned.items(), "parameter")
    st.header("Where and when")
    times = {"started": format_time(job.started), "ended": format_time(job.ended) if job.ended else ""}
    names = ("machine", "host", "job_id", "attempt", "run", "key")
    _show_table([*((name, getattr(job, name)) for name in names), *times.items()], "fact")


def _show_table(rows: Iterable[tuple[str, Any]], head: str) -> None:
    texts = [(name, plain_text(value)) for name, value in rows]
    st.dataframe(pd.DataFrame(texts, columns=[head, "value"]), hide_index=True, alt=f"Each {head} with its value")


def _attempt(job: JobStatus) -> Path:
    return JobPaths(Path(job.folder)).attempt(job.attempt)
