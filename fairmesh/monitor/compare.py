"""The page Compare: experiments or studies side by side, their differences, and whether these are noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from string import ascii_uppercase

import pandas as pd
import streamlit as st

from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.monitor.context import selected_study, settings, study_names
from fairmesh.monitor.display import escape_text, show_error, show_unreadable
from fairmesh.results import StudyResults, load_study
from fairmesh.results.compare import (
    Change,
    Comparison,
    MetricChange,
    Side,
    compare_experiments,
    compare_studies,
    find_side,
)
from fairmesh.results.machine_sides import MachineSide, machine_sides
from fairmesh.results.machines import METHOD, MachineComparison, compare_machines
from fairmesh.runner.protocol import RECORDS
from fairmesh.site import machine_texts, numbers, sentences
from fairmesh.status import StudyStatus
from fairmesh.status.states import state_label

EXPERIMENTS, STUDIES, MACHINES = "experiments", "studies", "machines"
MAX_OPTIONS = 200  # experiments to choose from; a search narrows them down
MAX_SIDES = 8


def show() -> None:
    """Show the page."""
    cache = selected_study()
    if cache is None:
        return
    kind = st.radio("Compare", (EXPERIMENTS, STUDIES, MACHINES), horizontal=True, key="compare", bind="query-params")
    try:
        if kind == MACHINES:
            _show_machines(_load(cache.paths.home, cache.paths.study))
            return
        comparison = _compare_studies() if kind == STUDIES else _compare_experiments(cache.paths, cache.status())
        if comparison is not None:
            shows_all = st.toggle("Show equal values, too", key="everything", bind="query-params")
            _show_comparison(comparison, shows_all=shows_all)
            show_unreadable([problem for side in comparison.sides for problem in side.study.problems])
    except FairmeshError as error:
        show_error(error)


def _compare_experiments(paths: StudyPaths, status: StudyStatus) -> Comparison | None:
    """Show the fields for experiments, and return their comparison; None with fewer than two."""
    words = st.text_input("Search", key="search", max_chars=300, placeholder="epochs=30 gpu=a100").split()
    matching = [name for name in _experiment_names(status) if all(word in name for word in words)]
    selected = st.multiselect(
        "Experiments",
        matching[:MAX_OPTIONS],
        key="experiments",
        bind="query-params",
        accept_new_options=True,
        max_selections=MAX_SIDES,
        select_all=False,
        placeholder="Choose two or more; the others are compared with the first",
        help="A name without its repeat stands for all repeats of a point.",
    )
    if len(matching) > MAX_OPTIONS:
        st.caption(f"The first {MAX_OPTIONS} of {len(matching):,} matching experiments; search to narrow them down")
    if len(selected) < 2:
        st.info("Choose two or more experiments.")
        return None
    study = _load(paths.home, paths.study)
    return compare_experiments([find_side(study, name) for name in selected])


def _experiment_names(status: StudyStatus) -> list[str]:
    """Return the names of experiments, with their machines if there are several."""
    return [job.name for job in status.experiments]


def _compare_studies() -> Comparison | None:
    """Show the field for studies, and return the comparison of their best points; None with fewer than two."""
    results = settings().project.results
    selected: Sequence[str] = st.multiselect(
        "Studies",
        study_names(results),
        key="studies",
        bind="query-params",
        max_selections=MAX_SIDES,
        select_all=False,
        placeholder="Choose two or more",
    )
    if len(selected) < 2:
        st.info("Choose two or more studies; their best points are compared.")
        return None
    return compare_studies([_load(results, name) for name in selected])


def _load(results: Path, study: str) -> StudyResults:
    return _cached_results(results, study, _timestamps(StudyPaths(results, study)))


@st.cache_resource(show_spinner="Reading the results", max_entries=MAX_SIDES, ttl=600)
def _cached_results(results: Path, study: str, timestamps: tuple[int, ...]) -> StudyResults:
    return load_study(results, study)


def _timestamps(paths: StudyPaths) -> tuple[int, ...]:
    """Return times that change whenever a result is added or removed."""
    watched = (paths.plan, *sorted((paths.folder / RECORDS).glob("*")))
    return tuple(path.stat().st_mtime_ns for path in watched if path.exists())


def _show_machines(study: StudyResults) -> None:
    """Show the machines of a study, compared over their common points."""
    names = [side.name for side in machine_sides(study)]
    if len(names) < 2:
        st.info("Fewer than two machines have results of this study.")
        return
    reference = st.selectbox("Compared with", names, key="reference", bind="query-params")
    comparison = compare_machines(study, reference)
    for sentence in (*machine_texts.summaries(comparison), *comparison.notes):
        st.markdown(escape_text(sentence))
    _show_table("Machines", [_hardware_row(side) for side in comparison.sides])
    for index, name in enumerate(comparison.names):
        if index != comparison.reference:
            _show_table(f"{name} compared with {reference}", list(_quantity_rows(comparison, index)))
    st.caption(escape_text(METHOD))
    show_unreadable(study.problems)


def _hardware_row(side: MachineSide) -> dict[str, str]:
    facts = {title: side.hardware.get(name, "") for name, title in machine_texts.HARDWARE.items()}
    return {"machine": side.name, "results": f"{len(side.done)} of {len(side.outcomes)}", **facts}


def _quantity_rows(comparison: MachineComparison, index: int) -> Iterator[dict[str, str]]:
    for quantity in comparison.quantities:
        if change := quantity.changes[index]:
            yield {
                "quantity": machine_texts.quantity_title(quantity),
                f"mean of {comparison.names[comparison.reference]}": machine_texts.value_text(
                    quantity, change.reference
                ),
                f"mean of {comparison.names[index]}": machine_texts.value_text(quantity, change.own),
                "": "ratio" if change.is_ratio else "difference",
                "mean [95 % interval]": machine_texts.change_text(change),
                "single points": machine_texts.range_text(change),
                "n": machine_texts.pairs_text(change),
                "result": change.judgement.words,
            }


# ---- Tables ----------------------------------------------------------------------------------------------------------


def _show_comparison(comparison: Comparison, *, shows_all: bool) -> None:
    letters = ascii_uppercase[: len(comparison.sides)]
    sides = zip(letters, comparison.sides, strict=True)
    _show_table("Compared", [_side_row(letter, side) for letter, side in sides])
    _show_metrics("Results", comparison.metrics, letters)
    _show_changes("Parameters", comparison.parameters, letters, shows_all)
    _show_metrics("Resources used", comparison.usage, letters)
    _show_changes("Environment", comparison.environment, letters, shows_all)


def _side_row(letter: str, side: Side) -> dict[str, str]:
    count = len(side.outcomes)
    results = f"{len(side.done)} of {count}" if count > 1 else state_label(side.outcomes[0].state)
    return {"side": letter, "study": side.study.name, "machine": side.machine, "name": side.name, "results": results}


def _show_metrics(title: str, changes: Sequence[MetricChange], letters: str) -> None:
    if changes:
        _show_table(title, [_metric_row(change, letters) for change in changes])


def _metric_row(change: MetricChange, letters: str) -> dict[str, str]:
    row = {"metric": sentences.change_label(change)}
    row |= {letter: sentences.change_value(change, value) for letter, value in zip(letters, change.values, strict=True)}
    row |= {"better": change.better, "best": "" if change.best is None else letters[change.best]}
    differences = zip(letters, change.differences, change.judgements, strict=True)
    return row | {
        f"{letter} - A": f"{sentences.change_difference(change, difference)} ({judgement.words})"
        if difference and judgement
        else "equal"
        if judgement
        else numbers.MISSING
        for letter, difference, judgement in list(differences)[1:]
    }


def _show_changes(title: str, changes: Sequence[Change], letters: str, shows_all: bool) -> None:
    differing = [change for change in changes if change.differs]
    shown = changes if shows_all else differing
    if not shown:
        st.header(title)
        st.markdown(f"All {len(changes)} are equal." if changes else "No values are known.")
        return
    rows = [_change_row(change, letters, shows_all) for change in shown]
    _show_table(title, rows, f"{len(differing)} of {len(changes)} differ")


def _change_row(change: Change, letters: str, shows_all: bool) -> dict[str, str]:
    row = {"name": f"{change.name} ({change.unit})" if change.unit else change.name}
    row |= dict(zip(letters, change.texts, strict=True))
    return row | ({"differs": "differs" if change.differs else ""} if shows_all else {})


def _show_table(title: str, rows: Sequence[dict[str, str]], caption: str = "") -> None:
    st.header(escape_text(title))
    if caption:
        st.caption(caption)
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt=title)
