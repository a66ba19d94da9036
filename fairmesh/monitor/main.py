"""The frame of all pages, which Streamlit runs at each change: navigation, selected study, token.

A new page is a module with a function ``show`` and an entry of ``PAGES``.
"""

from __future__ import annotations

import streamlit as st

from fairmesh.errors import FairmeshError
from fairmesh.monitor import compare, experiment, experiments, overview, start, steering, timeline, workflow
from fairmesh.monitor.context import settings, study_names
from fairmesh.monitor.display import show_error

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
    """Show the page of the current address."""
    st.set_page_config("fairmesh monitor", layout="wide")
    pages = [
        st.Page(body, title=title, url_path=path, default=path == "overview") for path, (body, title) in PAGES.items()
    ]
    page = st.navigation(pages)
    with st.sidebar:
        _select_study()
        steering.ask_for_token()
    st.html(STYLE)
    st.title(page.title)
    try:
        page.run()
    except FairmeshError as error:
        show_error(error)


def _select_study() -> None:
    """Show the fields for the study that all pages show; the page's address contains it."""
    names = study_names(settings().project.results)
    if names:
        st.selectbox("Study", names, key="study", bind="query-params", persist_state="session")
        st.toggle("Live updates", value=True, key="follow", help="Update every two seconds", persist_state="session")


if __name__ == "__main__":
    show()
