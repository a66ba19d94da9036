"""The page Experiments: ten thousand of them, filtered, sorted, a page at a time; what is selected can be steered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from fairmesh.api.listing import STATE, sort_names
from fairmesh.api.status_cache import StatusCache
from fairmesh.monitor import experiment, steering
from fairmesh.monitor.current import live
from fairmesh.monitor.look import elapsed, plain, said, state_style
from fairmesh.names import plain_text
from fairmesh.runner.protocol import STATES
from fairmesh.status import JobSelection, JobStatus, StudyStatus

PAGE = 100  # rows
ROW = 35  # pixels

_COLUMNS = {
    "id": st.column_config.TextColumn(width="medium"),
    "progress": st.column_config.ProgressColumn(format="%d %%", min_value=0, max_value=100, width="small"),
}


def show() -> None:
    """Show the page."""
    live(_experiments)


def _experiments(cache: StatusCache) -> None:
    status = cache.status()
    selection, sort = _wanted(status)
    found = cache.jobs(selection, sort)
    st.markdown(f"{len(found):,} of {len(status.experiments):,} experiments")
    page = _page(len(found))
    shown = found[(page - 1) * PAGE : page * PAGE]
    above = st.container(horizontal=True)
    chosen = [shown[at] for at in _table(shown) if at < len(shown)]
    with above:
        _steer(cache, selection, found, chosen)


def _wanted(status: StudyStatus) -> tuple[JobSelection, str]:
    """Ask which experiments are meant, and in which order."""
    left, middle, right, last = st.columns([3, 2, 2, 1], vertical_alignment="bottom")
    where = left.text_input(
        "Where",
        key="where",
        max_chars=2000,
        placeholder="epochs > 10 and gpu == 'a100'",
        help="an expression over parameters, axes, resources, state, host, machine, attempt and progress",
        bind="query-params",
    )
    states = middle.multiselect("States", STATES, key="states", bind="query-params")
    sort = right.selectbox("Sort by", sort_names(status), index=1, key="sort", bind="query-params")
    down = last.toggle("Reverse", key="reverse", bind="query-params")
    return JobSelection((), where.strip(), tuple(states)), f"{'-' if down else ''}{sort or STATE}"


def _page(count: int) -> int:
    pages = max(1, -(-count // PAGE))
    if st.session_state.get("page", 1) > pages:
        st.session_state["page"] = 1
    return st.pagination(pages, key="page") if pages > 1 else 1


def _table(shown: Sequence[JobStatus]) -> list[int]:
    """Show a page of experiments; give which rows are selected."""
    if not shown:
        st.info("No experiment fits.")
        return []
    rows = pd.DataFrame([_row(each) for each in shown])
    rows = rows.drop(columns=[name for name in ("host", "job", "message") if not rows[name].any()])
    event = st.dataframe(
        rows.style.map(state_style, subset=["state"]),
        hide_index=True,
        height=min(len(rows) + 1, 20) * ROW + 3,
        on_select="rerun",
        selection_mode="multi-row",
        key="rows",
        column_config=_COLUMNS,
        alt="Experiments: state, id, machine, progress, time, host, scheduler job, message, axes",
    )
    return list(event.selection.rows)


def _row(job: JobStatus) -> dict[str, Any]:
    axes = {f"{name} ": plain_text(value) for name, value in job.point.get("axes", {}).items()}  # never one of ours
    return {
        "state": job.state,
        "id": job.id,
        "progress": job.progress,
        "time": elapsed(job),
        "message": said(job),
        "machine": job.machine,
        "host": job.host,
        "job": job.job_id,
        **axes,
    }


def _steer(
    cache: StatusCache, selection: JobSelection, found: Sequence[JobStatus], chosen: Sequence[JobStatus]
) -> None:
    meant = JobSelection(tuple(each.name for each in chosen)) if chosen else selection
    what = f"{len(chosen)} selected" if chosen else f"all {len(found):,} shown"
    steering.button(
        f"Cancel {what}", lambda: steering.cancel_some(cache, meant), cache, disabled=not found, key="cancel_some"
    )
    steering.button(f"Retry {what}", lambda: steering.retry(cache, meant), cache, disabled=not found, key="retry_some")
    if len(chosen) == 1:
        page = st.Page(experiment.show, url_path="experiment")
        where = {"study": cache.paths.study, "experiment": chosen[0].key}
        st.page_link(page, label=f"Open {plain(chosen[0].id)}", query_params=where)
