"""The page Compare: experiments or studies side by side; what differs, which is better, and whether that is noise."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.monitor import comparison
from fairmesh.monitor.current import current
from fairmesh.monitor.look import error, name_problems
from fairmesh.monitor.setting import given
from fairmesh.monitor.watching import studies
from fairmesh.results import StudyResults, load_study
from fairmesh.results.compare import Comparison, compare_experiments, compare_studies, find_side
from fairmesh.runner.protocol import RECORDS
from fairmesh.status import StudyStatus

EXPERIMENTS, STUDIES = "experiments", "studies"
OFFERED = 200  # experiments; a search narrows them down
MOST = 8  # side by side


def show() -> None:
    """Show the page."""
    cache = current()
    if cache is None:
        return
    what = st.radio("Compare", (EXPERIMENTS, STUDIES), horizontal=True, key="compare", bind="query-params")
    try:
        found = _studies() if what == STUDIES else _experiments(cache.paths, cache.status())
        if found is not None:
            everything = st.toggle("Also what is the same", key="everything", bind="query-params")
            comparison.show(found, everything=everything)
            name_problems([line for side in found.sides for line in side.study.problems])
    except FairmeshError as problem:
        error(problem)


def _experiments(paths: StudyPaths, status: StudyStatus) -> Comparison | None:
    """Ask for experiments; give how they compare, if there are two."""
    words = st.text_input("Search", key="search", max_chars=300, placeholder="epochs=30 gpu=a100").split()
    names = _names(status)
    fitting = [name for name in names if all(word in name for word in words)]
    chosen = st.multiselect(
        "Experiments",
        fitting[:OFFERED],
        key="experiments",
        bind="query-params",
        accept_new_options=True,
        max_selections=MOST,
        select_all=False,
        placeholder="choose two or more; the first is what the others are held against",
        help="also a point: an id without its repeat, which stands for all of its repeats",
    )
    if len(fitting) > OFFERED:
        st.caption(f"the first {OFFERED} of {len(fitting):,} that fit are offered; search to narrow them down")
    if len(chosen) < 2:
        st.info("Choose two or more experiments.")
        return None
    study = _load(paths.home, paths.study)
    return compare_experiments([find_side(study, name) for name in chosen])


def _names(status: StudyStatus) -> list[str]:
    """Return how each experiment is called: by its id, and its machine where there are several."""
    several = len({each.machine for each in status.experiments}) > 1
    return [f"{each.machine}/{each.id}" if several else each.id for each in status.experiments]


def _studies() -> Comparison | None:
    """Ask for studies; give how their best points compare, if there are two."""
    results = given().project.results
    chosen: Sequence[str] = st.multiselect(
        "Studies",
        studies(results),
        key="studies",
        bind="query-params",
        max_selections=MOST,
        select_all=False,
        placeholder="choose two or more",
    )
    if len(chosen) < 2:
        st.info("Choose two or more studies; the best point of each is compared.")
        return None
    return compare_studies([_load(results, name) for name in chosen])


def _load(results: Path, study: str) -> StudyResults:
    paths = StudyPaths(results, study)
    return _loaded(results, study, _stamp(paths))


@st.cache_resource(show_spinner="Reading the results", max_entries=MOST, ttl=600)
def _loaded(results: Path, study: str, stamp: tuple[int, ...]) -> StudyResults:
    return load_study(results, study)


def _stamp(paths: StudyPaths) -> tuple[int, ...]:
    """Return what changes when a result comes or goes."""
    places = (paths.plan, *sorted((paths.folder / RECORDS).glob("*")))
    return tuple(each.stat().st_mtime_ns for each in places if each.exists())
