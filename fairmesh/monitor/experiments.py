"""The page Experiments: a table of up to ten thousand, filtered, sorted and in pages; selected ones can be steered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from fairmesh.api.listing import STATE, sort_names
from fairmesh.api.status_cache import StatusCache
from fairmesh.monitor import experiment, steering
from fairmesh.monitor.context import show_live
from fairmesh.monitor.display import escape_text, job_message, running_time, state_style
from fairmesh.monitor.results import measured_metrics
from fairmesh.names import plain_text
from fairmesh.printing import count_text
from fairmesh.results.metrics import Metric
from fairmesh.runner.protocol import STATES
from fairmesh.status import JobSelection, JobStatus, StudyStatus
from fairmesh.status.states import state_label

PAGE = 100  # rows
ROW_HEIGHT = 35  # pixels

_COLUMNS = {
    "experiment": st.column_config.TextColumn(width="medium"),
    "progress": st.column_config.ProgressColumn(format="%d %%", min_value=0, max_value=100, width="small"),
}


def show() -> None:
    """Show the page."""
    show_live(_show_experiments)


def _show_experiments(cache: StatusCache) -> None:
    status = cache.status()
    selection, sort = _show_filters(status)
    jobs = cache.jobs(selection, sort)
    st.markdown(f"{len(jobs):,} of {count_text(len(status.experiments), 'experiment', ',')}")
    page = _show_pagination(len(jobs))
    shown = jobs[(page - 1) * PAGE : page * PAGE]
    actions = st.container(horizontal=True)
    metrics = measured_metrics(cache.paths, status)
    selected = [shown[index] for index in _show_table(shown, metrics) if index < len(shown)]
    with actions:
        _show_actions(cache, selection, jobs, selected)


def _show_filters(status: StudyStatus) -> tuple[JobSelection, str]:
    """Show the fields for filtering and sorting, and return the selection and the order."""
    left, middle, right, last = st.columns([3, 2, 2, 1], vertical_alignment="bottom")
    where = left.text_input(
        "Where",
        key="where",
        max_chars=2000,
        placeholder="epochs > 10 and gpu == 'a100'",
        help="An expression over parameters, axes, resources, state, host, machine, attempt and progress",
        bind="query-params",
    )
    states = middle.multiselect("States", STATES, key="states", bind="query-params", format_func=state_label)
    sort = right.selectbox("Sort by", sort_names(status), index=1, key="sort", bind="query-params")
    is_reverse = last.toggle("Reverse", key="reverse", bind="query-params")
    return JobSelection((), where.strip(), tuple(states)), f"{'-' if is_reverse else ''}{sort or STATE}"


def _show_pagination(count: int) -> int:
    """Return the number of the current page, from 1."""
    pages = max(1, -(-count // PAGE))
    if st.session_state.get("page", 1) > pages:
        st.session_state["page"] = 1
    return st.pagination(pages, key="page") if pages > 1 else 1


def _show_table(jobs: Sequence[JobStatus], metrics: Sequence[Metric]) -> list[int]:
    """Show a page of experiments, and return the indices of the selected rows."""
    if not jobs:
        st.info("No matching experiments.")
        return []
    rows = pd.DataFrame([_row(job, metrics) for job in jobs])
    rows = rows.drop(columns=[name for name in ("host", "job", "message") if not rows[name].any()])
    event = st.dataframe(
        rows.style.map(state_style, subset=["state"]),
        hide_index=True,
        height=min(len(rows) + 1, 20) * ROW_HEIGHT + 3,
        on_select="rerun",
        selection_mode="multi-row",
        key="rows",
        column_config=_COLUMNS,
        placeholder="",
        alt="Experiments: state, name, machine, progress, time, metrics, host, scheduler job, message, axes",
    )
    return list(event.selection.rows)


def _row(job: JobStatus, metrics: Sequence[Metric]) -> dict[str, Any]:
    # With spaces neither an axis nor a metric has the name of another column.
    axes = {f"{name} ": plain_text(value) for name, value in job.point.get("axes", {}).items()}
    return {
        "state": state_label(job.state),
        "experiment": job.name,
        "progress": job.progress,
        "time": running_time(job),
        **{f"{metric.label}  ": job.metrics.get(metric.name, math.nan) for metric in metrics},
        "message": job_message(job),
        "machine": job.machine,
        "host": job.host,
        "job": job.job_id,
        **axes,
    }


def _show_actions(
    cache: StatusCache, selection: JobSelection, jobs: Sequence[JobStatus], selected: Sequence[JobStatus]
) -> None:
    chosen = JobSelection(tuple(job.key for job in selected)) if selected else selection
    what = f"{len(selected)} selected" if selected else f"all {len(jobs):,} listed"
    steering.action_button(
        f"Cancel {what}",
        lambda: steering.cancel_jobs(cache, chosen),
        cache,
        disabled=not jobs,
        key="cancel_some",
    )
    steering.action_button(
        f"Retry {what}", lambda: steering.retry_jobs(cache, chosen), cache, disabled=not jobs, key="retry_some"
    )
    if len(selected) == 1:
        page = st.Page(experiment.show, url_path="experiment")
        query = {"study": cache.paths.study, "experiment": selected[0].key}
        st.page_link(page, label=f"Open {escape_text(selected[0].name)}", query_params=query)
