"""The page Overview: how the study stands, what it costs, what failed, and all runs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from fairmesh.api import html, outputs, run_process
from fairmesh.api.run import run_state
from fairmesh.api.status_cache import StatusCache
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.monitor import steering
from fairmesh.monitor.current import live
from fairmesh.monitor.look import label, plain
from fairmesh.monitor.setting import given
from fairmesh.monitor.watching import studies
from fairmesh.printing import format_duration, format_time
from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import RUNNING
from fairmesh.status import JobStatus, RunStatus, StudyStatus
from fairmesh.status.model import ORDER, seconds_between

SHOWN = 10  # of what failed, and of what runs
RUNS = 50
KILOWATT_HOUR = 3.6e6  # joules


def show() -> None:
    """Show the page."""
    live(_study)
    st.header("Runs of all studies")
    st.fragment(_runs, run_every=10)()


def _study(cache: StatusCache) -> None:
    status = cache.status()
    st.header(plain(status.title or status.study))
    st.progress(status.progress, f"{plain(status.study)}: {status.progress:.0%}, {_state(cache, status)}")
    st.html(html.state_bar(status.counts) + html.state_legend(status.counts))
    if status.scheduler:
        st.warning(status.scheduler)
    _numbers(status)
    _steer(cache, status)
    _running(status)
    _failed(status)


def _state(cache: StatusCache, status: StudyStatus) -> str:
    if status.run is None:
        return "started by hand"
    words = run_state(status.run, run_process.has_begun(cache.paths, status.run.uuid))
    return plain(f"{words}, {status.run.cancelled}" if status.run.cancelled else words)


def _numbers(status: StudyStatus) -> None:
    run = status.run
    since = format_duration(seconds_between(run.started, run.ended or status.now)) if run else ""
    shown = {
        "experiments": f"{len(status.experiments):,}",
        "since the start": since or "by hand",
        "time left": format_duration(status.left)
        if status.left is not None
        else "unknown"
        if status.is_active
        else "none",
        "energy so far": energy(status.energy),
    }
    for column, (name, value) in zip(st.columns(len(shown)), shown.items(), strict=True):
        column.metric(name, value, help="of the results that measured it" if name.startswith("energy") else None)


def energy(joules: float | None) -> str:
    """Return an energy as people read it.

    >>> energy(None), energy(120.0), energy(7.2e6)
    ('unknown', '120 J', '2.00 kWh')
    """
    if joules is None:
        return "unknown"
    return f"{joules:.0f} J" if joules < KILOWATT_HOUR / 10 else f"{joules / KILOWATT_HOUR:.2f} kWh"


def _steer(cache: StatusCache, status: StudyStatus) -> None:
    with st.container(horizontal=True):
        steering.button(
            "Cancel the run", lambda: steering.cancel_run(cache), cache, disabled=not status.is_active, key="cancel_run"
        )
        bad = any(each.state in BAD_ENDS for each in status.jobs)
        steering.button("Retry what failed", lambda: steering.retry(cache), cache, disabled=not bad, key="retry_failed")


def _running(status: StudyStatus) -> None:
    running = [each for each in status.jobs if each.state == RUNNING]
    if running:
        st.header("Running")
    for each in running[:SHOWN]:
        st.progress(each.progress / 100, plain(label(each)) + (f" · {plain(each.message)}" if each.message else ""))
    if len(running) > SHOWN:
        st.markdown(f"and {len(running) - SHOWN} more")


def _failed(status: StudyStatus) -> None:
    failed = sorted((each for each in status.jobs if each.state in BAD_ENDS), key=lambda job: ORDER.index(job.state))
    if failed:
        st.header("Ended without a result")
    for each in failed[:SHOWN]:
        _failure(each)
    if len(failed) > SHOWN:
        st.markdown(f"and {len(failed) - SHOWN} more on the page Experiments")


def _failure(job: JobStatus) -> None:
    st.markdown(f"**{plain(job.state)}** {plain(job.name)}: {plain(job.reason or 'no reason is known')}")
    lines = outputs.last_log_lines(job, 3)
    if lines:
        st.code("\n".join(lines), language=None, wrap_lines=True)


def _runs() -> None:
    results = given().project.results
    found = [
        (study, run, run_state(run, run_process.has_begun(StudyPaths(results, study), run.uuid)))
        for study in studies(results)
        for run in run_process.runs(StudyPaths(results, study))
    ]
    if not found:
        st.markdown("None yet.")
        return
    newest = sorted(found, key=lambda each: each[1].started, reverse=True)[:RUNS]
    table = pd.DataFrame([_run(*each) for each in newest])
    st.dataframe(table, hide_index=True, alt="Runs, the last one first")


def _run(study: str, run: RunStatus, state: str) -> dict[str, str]:
    return {
        "study": study,
        "run": run.uuid[:8],
        "state": state,
        "profile": run.profile,
        "host": run.host,
        "started": format_time(run.started),
        "took": format_duration(seconds_between(run.started, run.ended or jsonfiles.now()))
        if run.ended or run.is_alive
        else "",
        "cancelled": run.cancelled,
    }
