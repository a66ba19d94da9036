"""The context of a page: the monitor's settings, the selected study, and its status, read once for all sessions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from fairmesh.api import Project
from fairmesh.api.status_cache import StatusCache
from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.monitor.display import show_error, show_unreadable
from fairmesh.monitor.login import Login
from fairmesh.status.places import studies_in
from fairmesh.web.access import token_file

PERIOD = 2.0  # seconds between updates of a page
MAX_AGE = 0.8  # seconds of a status: with the period, a change is shown within three seconds


@dataclass(frozen=True)
class Settings:
    """The settings with which the monitor was started.

    Parameters
    ----------
    project : Project
        The project; by default that of this process's folder, as under ``streamlit run``.
    token_file : Path
        The file with the token that permits steering.
    names : tuple of str
        The host names by which others reach this computer.
    root : str
        The path below which a proxy serves the monitor.
    login : Login or None
        The link by which a browser may steer without the token; None if there is no such link.
    """

    project: Project = field(default_factory=Project.of)
    token_file: Path = field(default_factory=token_file)
    names: tuple[str, ...] = ()
    root: str = ""
    login: Login | None = None

    @property
    def streamlit_options(self) -> dict[str, object]:
        """The options of Streamlit that follow from these settings."""
        origins = [f"{scheme}://{name}" for name in self.names for scheme in ("http", "https")]
        return {"server.baseUrlPath": self.root, "server.corsAllowedOrigins": origins}


_settings: list[Settings] = []


def use_settings(new: Settings) -> None:
    """Set the settings of all pages; Streamlit runs them again and again in one process."""
    _settings[:] = [new]


def settings() -> Settings:
    """Return the monitor's settings."""
    if not _settings:
        use_settings(Settings())
    return _settings[0]


@st.cache_resource(show_spinner=False, max_entries=100)
def status_cache(results: Path, study: str) -> StatusCache:
    """Return the status cache of a study, the same for all sessions."""
    return StatusCache(StudyPaths(results, study), MAX_AGE)


def study_names(results: Path) -> list[str]:
    """Return the studies that have run, the last one first."""
    times = [(paths.plan.stat().st_mtime, paths.study) for paths in studies_in(results)]
    return [study for _, study in sorted(times, reverse=True)]


def selected_study() -> StatusCache | None:
    """Return the status cache of the selected study; None, with a hint on the page, if no study has run."""
    results = settings().project.results
    names = study_names(results)
    if not names:
        st.info("No study has run here yet. Start one on the page Start, or with `fairmesh run`.")
        return None
    selected = st.session_state.get("study")
    return status_cache(results, selected if selected in names else names[0])


def show_live(show: Callable[[StatusCache], None]) -> None:
    """Show a part of a page for the selected study, and update it every two seconds if updates are on."""
    cache = selected_study()
    if cache is None:
        return

    def update() -> None:
        try:
            show(cache)
            show_unreadable(cache.status().problems)
        except FairmeshError as error:
            show_error(error)

    follows = st.session_state.get("follow", True)
    st.fragment(update, run_every=PERIOD if follows else None)()
