"""The study that a person looks at, and how often."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from fairmesh.api.status_cache import StatusCache
from fairmesh.errors import FairmeshError
from fairmesh.monitor.look import error, name_problems
from fairmesh.monitor.setting import given
from fairmesh.monitor.watching import status_cache, studies

PERIOD = 2.0  # seconds


def current() -> StatusCache | None:
    """Return what watches the chosen study; None, and a hint on the page, if no study was ever run."""
    results = given().project.results
    found = studies(results)
    if not found:
        st.info("No study was run here yet. The page Start begins one, and so does `fairmesh run`.")
        return None
    chosen = st.session_state.get("study")
    return status_cache(results, chosen if chosen in found else found[0])


def live(show: Callable[[StatusCache], None]) -> None:
    """Show a part of a page, and show it anew every two seconds while somebody follows."""
    chosen = current()
    if chosen is None:
        return

    def look() -> None:
        try:
            show(chosen)
            name_problems(chosen.status().problems)
        except FairmeshError as problem:
            error(problem)

    follows = st.session_state.get("follow", True)
    st.fragment(look, run_every=PERIOD if follows else None)()
