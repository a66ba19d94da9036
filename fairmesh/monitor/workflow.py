"""The page Workflow: stages, experiments and publishing as a graph, and each experiment's state in a grid."""

from __future__ import annotations

import streamlit as st

from fairmesh.api import html
from fairmesh.api.status_cache import StatusCache
from fairmesh.jobs.paths import StudyPaths
from fairmesh.monitor import graph, grid
from fairmesh.monitor.current import live
from fairmesh.monitor.look import plain
from fairmesh.runner import jsonfiles
from fairmesh.status import StudyStatus
from fairmesh.status.model import ORDER, seconds_between


def show() -> None:
    """Show the page."""
    live(_workflow)


def _workflow(cache: StatusCache) -> None:
    status = cache.status()
    found = graph.steps(status, _titles(cache.paths), _is_published(cache.paths, status))
    words = graph.in_words(found)
    st.graphviz_chart(graph.dot(found), width="content", alt=words)
    with st.expander("The graph in words"):
        st.markdown(plain(words))
    _grid(status)


def _grid(status: StudyStatus) -> None:
    st.header("Experiments")
    st.html(html.state_legend(status.counts))
    there = [state for state in ORDER if status.counts[state]]
    if len(there) > 1:
        st.pills("Show only", there, key="only", bind="query-params")
    chosen = st.session_state.get("only")
    drawing = grid.drawing(len(status.experiments), chosen if chosen in there else "")
    words = f"{len(status.experiments):,} experiments in the order of the plan: {html.counts_text(status.counts)}"
    st.vega_lite_chart(grid.cells(status.experiments), drawing, width="stretch", alt=words)
    st.caption(f"{len(status.experiments):,} cells in the order of the plan; the page Experiments lists them")


def _titles(paths: StudyPaths) -> dict[str, str]:
    """Return the title of each stage of the study's application, in its order."""
    return _titles_in(str(paths.plan), paths.plan.stat().st_mtime_ns)


@st.cache_data(show_spinner=False, max_entries=20)
def _titles_in(plan: str, changed: int) -> dict[str, str]:
    application = (jsonfiles.read_map(plan) or {}).get("application")
    stages = application.get("stages") if isinstance(application, dict) else None
    return {str(name): str(title) for name, title in stages.items()} if isinstance(stages, dict) else {}


def _is_published(paths: StudyPaths, status: StudyStatus) -> bool:
    """Return whether the results were published since the last run began; one without a run, whether they ever were."""
    when = str((jsonfiles.read_map(str(paths.published)) or {}).get("published") or "")
    return bool(when) and (status.run is None or seconds_between(status.run.started, when) > 0)
