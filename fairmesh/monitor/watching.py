"""The status of studies, read once for all sessions."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from fairmesh.api.status_cache import StatusCache
from fairmesh.jobs.paths import StudyPaths
from fairmesh.status.places import studies_in

MAX_AGE = 0.8  # seconds: with the two seconds of the pages, a change is shown within three


@st.cache_resource(show_spinner=False, max_entries=100)
def status_cache(results: Path, study: str) -> StatusCache:
    """Return the status cache of a study, the same one for all sessions."""
    return StatusCache(StudyPaths(results, study), MAX_AGE)


def studies(results: Path) -> list[str]:
    """Return the studies that were run, the latest first."""
    runs = [(paths.plan.stat().st_mtime, paths.study) for paths in studies_in(results)]
    return [study for _, study in sorted(runs, reverse=True)]
