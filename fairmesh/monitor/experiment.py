"""The page Experiment: one of them, live: progress, learning curve, telemetry, log, parameters and figures."""

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
from fairmesh.jobs.paths import JobPaths
from fairmesh.monitor import steering
from fairmesh.monitor.current import live
from fairmesh.monitor.look import elapsed, plain, said
from fairmesh.names import plain_text
from fairmesh.printing import format_time
from fairmesh.results.csv_files import Rows, read_rows
from fairmesh.runner.protocol import ENDS, HISTORY, TELEMETRY
from fairmesh.runner.safefiles import read_regular
from fairmesh.site.attempt_charts import history_charts, telemetry_charts
from fairmesh.site.charts import Chart
from fairmesh.status import JobSelection, JobStatus, StudyStatus

LINES = 30  # of the log
FIGURES = 12
LARGEST = 10 << 20  # bytes of a figure
PNG = b"\x89PNG\r\n\x1a\n"


def show() -> None:
    """Show the page."""
    st.text_input(
        "Experiment",
        key="experiment",
        max_chars=300,
        bind="query-params",
        placeholder="its id, its key, or the beginning of one",
    )
    live(_experiment)


def _experiment(cache: StatusCache) -> None:
    job = _chosen(cache.status(), str(st.session_state.get("experiment") or "").strip())
    if job is None:
        st.info("There is nothing to show yet.")
        return
    st.header(plain(job.name))
    st.progress(job.progress / 100, f"{job.state} {job.progress} % {elapsed(job)}")
    if said(job):
        st.markdown(plain(said(job)))
    _steer(cache, job)
    left, right = st.columns([3, 2])
    with left:
        _curves(job)
        _telemetry(job)
        _figures(job)
    with right:
        _log(job)
        _facts(job)


def _chosen(status: StudyStatus, name: str) -> JobStatus | None:
    """Return the experiment of a name, or without one, the one that a person would want to look at first."""
    if not name:
        running = (each for each in status.experiments if each.state not in ENDS and each.attempt)
        return next(running, next(iter(status.experiments), None))
    found = JobSelection((name,)).of(status)
    return next((each for each in found if name in {each.key, each.name}), found[0])


def _steer(cache: StatusCache, job: JobStatus) -> None:
    only = JobSelection((job.name,))
    over = job.state in ENDS
    with st.container(horizontal=True):
        steering.button("Cancel", lambda: steering.cancel_some(cache, only), cache, disabled=over, key="cancel_one")
        steering.button("Retry", lambda: steering.retry(cache, only), cache, disabled=not over, key="retry_one")


def _curves(job: JobStatus) -> None:
    """Draw what the program measured by epoch, so far."""
    rows = read_rows(_attempt(job) / HISTORY) if job.attempt else Rows()
    for chart in history_charts(rows):
        _show_chart(chart)
    if rows.note:
        st.caption(rows.note)


def _show_chart(chart: Chart) -> None:
    st.markdown(f"**{plain(chart.title)}**")
    st.vega_lite_chart(chart.spec, width="stretch", alt=f"{chart.title}. {chart.description}")


def _telemetry(job: JobStatus) -> None:
    if job.attempt:
        for chart in telemetry_charts(_attempt(job) / TELEMETRY):
            _show_chart(chart)


def _figures(job: JobStatus) -> None:
    for name, picture in islice(_pictures(job), FIGURES):
        st.image(picture, caption=plain(name), alt=name, width="stretch")


def _pictures(job: JobStatus) -> Iterator[tuple[str, bytes]]:
    """Read the figures: the name of each, and its bytes."""
    for artefact in artefacts(job).values():
        if artefact.name.startswith("figures/") and artefact.name.endswith(".png"):
            data = _read(artefact)
            if data.startswith(PNG):
                yield artefact.path.stem, data


def _read(artefact: Artefact) -> bytes:
    """Return the bytes of a file; none if it is too large, or gone since it was listed."""
    try:
        return read_regular(str(artefact.path), LARGEST, follow_links=False)
    except OSError:
        return b""


def _log(job: JobStatus) -> None:
    st.header("Log")
    lines = outputs.last_log_lines(job, LINES) if job.attempt else []
    st.code("\n".join(lines) or "nothing yet", language=None, wrap_lines=True)


def _facts(job: JobStatus) -> None:
    """Show what was planned, and where it runs."""
    st.header("Parameters")
    planned = {**job.point.get("parameters", {}), **job.point.get("axes", {})}
    _table(planned.items(), "parameter")
    st.header("Where and when")
    times = {"started": format_time(job.started), "ended": format_time(job.ended) if job.ended else ""}
    names = ("machine", "host", "job_id", "attempt", "run", "key")
    _table([*((name, getattr(job, name)) for name in names), *times.items()], "fact")


def _table(rows: Iterable[tuple[str, Any]], head: str) -> None:
    shown = [(name, plain_text(value)) for name, value in rows]
    st.dataframe(pd.DataFrame(shown, columns=[head, "value"]), hide_index=True, alt=f"Each {head} with its value")


def _attempt(job: JobStatus) -> Path:
    return JobPaths(Path(job.folder)).attempt(job.attempt)
