"""The page Overview: progress and cost of the study, its failures, its results so far, and all runs."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from fairmesh.api import html, outputs, run_process
from fairmesh.api.run import run_state
from fairmesh.api.status_cache import StatusCache
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.monitor import steering
from fairmesh.monitor.context import settings, show_live, study_names
from fairmesh.monitor.display import escape_text, job_label
from fairmesh.monitor.results import show_results
from fairmesh.printing import format_duration, format_time
from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import RUNNING
from fairmesh.status import JobStatus, RunStatus, StudyStatus
from fairmesh.status.machines import MACHINE_HEADS, machine_row
from fairmesh.status.model import ORDER, seconds_between
from fairmesh.status.states import state_label

MAX_JOBS = 10  # of those that failed, and of those that run
MAX_RUNS = 50
KILOWATT_HOUR = 3.6e6  # joules


def show() -> None:
    """Show the page."""
    show_live(_show_study)
    st.header("Runs of all studies")
    st.fragment(_show_runs, run_every=10)()


def _show_study(cache: StatusCache) -> None:
    status = cache.status()
    st.header(escape_text(status.title or status.study))
    st.progress(status.progress, f"{escape_text(status.study)}: {status.progress:.0%}, {_run_text(cache, status)}")
    st.html(html.state_bar(status.counts) + html.state_legend(status.counts))
    if status.interruption:
        st.info(status.interruption)
    if status.scheduler:
        st.warning(status.scheduler)
    _show_numbers(status)
    _show_actions(cache, status)
    _show_machines(status)
    _show_running(status)
    _show_failed(status)
    show_results(cache.paths, status)


def _run_text(cache: StatusCache, status: StudyStatus) -> str:
    if status.run is None:
        return "started by hand"
    state = run_state(status.run, run_process.has_begun(cache.paths, status.run.uuid))
    return escape_text(f"{state}, {status.run.cancelled}" if status.run.cancelled else state)


def _show_numbers(status: StudyStatus) -> None:
    run = status.run
    numbers = {
        "Experiments": f"{len(status.experiments):,}",
        "Running time": format_duration(seconds_between(run.started, run.ended or status.now)) if run else "unknown",
        "Time left": _time_left(status),
        "Energy so far": energy_text(status.energy),
    }
    for column, (name, value) in zip(st.columns(len(numbers)), numbers.items(), strict=True):
        column.metric(name, value, help="Of the results that measured it" if name.startswith("Energy") else None)


def _time_left(status: StudyStatus) -> str:
    if status.left is not None:
        return format_duration(status.left)
    return "unknown" if status.is_active else "none"


def energy_text(joules: float | None) -> str:
    """Return an energy with its unit.

    >>> energy_text(None), energy_text(120.0), energy_text(7.2e6)
    ('unknown', '120 J', '2.00 kWh')
    """
    if joules is None:
        return "unknown"
    return f"{joules:.0f} J" if joules < KILOWATT_HOUR / 10 else f"{joules / KILOWATT_HOUR:.2f} kWh"


def _show_actions(cache: StatusCache, status: StudyStatus) -> None:
    has_failed = any(job.state in BAD_ENDS for job in status.jobs)
    with st.container(horizontal=True):
        steering.action_button(
            "Cancel run", lambda: steering.cancel_run(cache), cache, disabled=not status.is_active, key="cancel_run"
        )
        steering.action_button(
            "Retry failed", lambda: steering.retry_jobs(cache), cache, disabled=not has_failed, key="retry_failed"
        )


def _show_machines(status: StudyStatus) -> None:
    """Show the remote machines, if there are any."""
    if status.machines:
        st.header("Machines")
        rows = [machine_row(machine, status.now) for machine in status.machines]
        table = pd.DataFrame(rows, columns=list(MACHINE_HEADS))
        st.dataframe(table, hide_index=True, alt="Remote machines: state, last answer, jobs and reason of each")


def _show_running(status: StudyStatus) -> None:
    running = [job for job in status.jobs if job.state == RUNNING]
    if running:
        st.header("Running")
    for job in running[:MAX_JOBS]:
        message = f" · {escape_text(job.message)}" if job.message else ""
        st.progress(job.progress / 100, escape_text(job_label(job)) + message)
    if len(running) > MAX_JOBS:
        st.markdown(f"and {len(running) - MAX_JOBS} more")


def _show_failed(status: StudyStatus) -> None:
    failed = sorted((job for job in status.jobs if job.state in BAD_ENDS), key=lambda job: ORDER.index(job.state))
    if failed:
        st.header("Ended without a result")
    for job in failed[:MAX_JOBS]:
        _show_failure(job)
    if len(failed) > MAX_JOBS:
        st.markdown(f"and {len(failed) - MAX_JOBS} more on the page Experiments")


def _show_failure(job: JobStatus) -> None:
    reason = escape_text(job.reason or "unknown reason")
    st.markdown(f"**{escape_text(state_label(job.state))}** {escape_text(job.name)}: {reason}")
    lines = outputs.last_log_lines(job, 3)
    if lines:
        st.code("\n".join(lines), language=None, wrap_lines=True)


def _show_runs() -> None:
    results = settings().project.results
    runs = [
        (study, run, run_state(run, run_process.has_begun(StudyPaths(results, study), run.uuid)))
        for study in study_names(results)
        for run in run_process.runs(StudyPaths(results, study))
    ]
    if not runs:
        st.markdown("No runs yet.")
        return
    newest = sorted(runs, key=lambda row: row[1].started, reverse=True)[:MAX_RUNS]
    table = pd.DataFrame([_run_row(study, run, state) for study, run, state in newest])
    st.dataframe(table, hide_index=True, alt="Runs, the last one first")


def _run_row(study: str, run: RunStatus, state: str) -> dict[str, str]:
    seconds = seconds_between(run.started, run.ended or jsonfiles.now())
    return {
        "study": study,
        "run": run.uuid[:8],
        "state": state,
        "profile": run.profile,
        "host": run.host,
        "started": format_time(run.started),
        "time": format_duration(seconds) if run.ended or run.is_alive else "",
        "cancelled": run.cancelled,
    }
