"""The frame of all pages: what they are, which study they show, and who may steer it."""

from __future__ import annotations

import streamlit as st

from fairmesh.errors import FairmeshError
from fairmesh.monitor import compare, experiment, experiments, overview, start, steering, timeline, workflow
from fairmesh.monitor.look import error
from fairmesh.monitor.setting import given
from fairmesh.monitor.watching import studies

PAGES = {
    "overview": (overview.show, "Overview"),
    "experiments": (experiments.show, "Experiments"),
    "experiment": (experiment.show, "Experiment"),
    "timeline": (timeline.show, "Timeline"),
    "workflow": (workflow.show, "Workflow"),
    "compare": (compare.show, "Compare"),
    "start": (start.show, "Start"),
}

# Streamlit leaves a third of a phone's screen empty above the title.
STYLE = "<style>.stMainBlockContainer { padding-top: 3rem; } h1 { padding-top: 0; } h2 { font-size: 1.5rem; }</style>"


def show() -> None:
    """Show the page that is asked for."""
    st.set_page_config("fairmesh monitor", layout="wide")
    pages = [
        st.Page(body, title=title, url_path=path, default=path == "overview") for path, (body, title) in PAGES.items()
    ]
    page = st.navigation(pages)
    with st.sidebar:
        _choose_study()
        steering.ask_for_token()
    st.html(STYLE)
    st.title(page.title)
    try:
        page.run()
    except FairmeshError as problem:
        error(problem)


def _choose_study() -> None:
    """Let a person choose the study that all pages show; the page's address keeps it."""
    found = studies(given().project.results)
    if found:
        st.selectbox("Study", found, key="study", bind="query-params", persist_state="session")
        st.toggle("Follow", value=True, key="follow", help="look every two seconds", persist_state="session")
