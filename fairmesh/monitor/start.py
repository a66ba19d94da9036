"""The page Start: select or write a study, look at its plan, and start it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from fairmesh.api import Project, Run
from fairmesh.api.uploads import is_taken, save_text
from fairmesh.errors import BusyError, FairmeshError
from fairmesh.monitor import overview, steering, study_form
from fairmesh.monitor.context import settings, status_cache
from fairmesh.monitor.display import escape_text, show_error, state_style
from fairmesh.monitor.study_draft import is_same_study
from fairmesh.names import plain_text
from fairmesh.printing import count_text, format_duration
from fairmesh.status.states import state_label
from fairmesh.workflow.planner import PLANNER
from fairmesh.workflow.planning import PlanRequest, Preview, machine_of

NEW = "a new study"
UNCHANGED, FORM, TEXT = "unchanged", "in a form", "as text"
MESSAGE, NEXT = "start_message", "start_next"
STUDY, MODE = "begin", "use"  # the mode is kept for new and existing studies apart, since a new one must be edited
ROWS = 50  # of the plan
MAX_WARNINGS = 10


def show() -> None:
    """Show the page."""
    project = settings().project
    left, right = st.columns([3, 2], gap="large")
    with left:
        request = _select_study(project)
    with right:
        request, probe = _show_options(project, request)
        _show_plan(project, request, probe)
        _show_message()


# ---- What is started -------------------------------------------------------------------------------------------------


def preview_plan(project: Project, request: PlanRequest, rows: int = 0) -> Preview:
    """Return the plan of a request with its first rows, and with the expected time if there are rows.

    Raises
    ------
    InputError
        With all mistakes.
    FairmeshError
        If it takes too much time or memory.
    """
    machine_of(project, request.profile)
    return PLANNER.preview(project, replace(request, limit=rows, expects=bool(rows)))


def save_study(project: Project, text: str) -> str:
    """Save the text of a new study, and return the study's name.

    Raises
    ------
    InputError
        With all mistakes.
    BusyError
        If there is a study of this name.
    """
    name = PLANNER.preview(project, PlanRequest(text=text)).study
    save_text(project, name, text)
    return name


def start_run(project: Project, request: PlanRequest, probe: bool = False) -> Run:
    """Start a run; a new study is saved first.

    Parameters
    ----------
    project, request : Project, PlanRequest
        The study, its profile, and the selection of experiments.
    probe : bool
        Whether the cheapest experiment of each kind runs first, and the others only if it succeeds.

    Raises
    ------
    InputError
        With all mistakes; nothing is saved then.
    BusyError
        If a run of the study is in progress, or there is a study of this name.
    """
    study = preview_plan(project, request).study
    if not request.name:
        save_text(project, study, request.text)
    options = {"where": request.where, "first": request.first, "probe": probe}
    config = {key: value for key, value in options.items() if value}
    source = project.study_file(request.name or study)
    return Run.start(project, study, source, f"profiles/{request.profile}", config)


# ---- The fields ------------------------------------------------------------------------------------------------------


def _select_study(project: Project) -> PlanRequest:
    """Show the fields for a study: an existing one, or one that a person who may steer writes."""
    if NEXT in st.session_state:
        st.session_state[STUDY] = st.session_state.pop(NEXT)
        st.session_state[f"{MODE} known"] = UNCHANGED
    known = [name for name, path in project.studies().items() if path]
    if not steering.may_steer():
        name = st.selectbox("Study file", known, key=STUDY, bind="query-params")
        return _show_unchanged(str(name), _read_study(project, str(name))) if name else PlanRequest()
    name = st.selectbox("Study file", [NEW, *known], index=min(1, len(known)), key=STUDY, bind="query-params")
    modes = [FORM, TEXT] if name == NEW else [UNCHANGED, FORM, TEXT]
    key = f"{MODE} {'new' if name == NEW else 'known'}"
    mode = st.radio("Use it", modes, horizontal=True, key=key, persist_state="session")
    text = "" if name == NEW else _read_study(project, str(name))
    if st.session_state.get("draft_of") != name:
        study_form.reset(text)
    elif st.session_state.get("draft_mode") != mode:
        study_form.reset(study_form.current_text())
    st.session_state["draft_of"], st.session_state["draft_mode"] = name, mode
    if mode == UNCHANGED:
        return _show_unchanged(str(name), text)
    written = study_form.show_form(project) if mode == FORM else study_form.show_text()
    is_changed = name == NEW or not is_same_study(written, text)
    return PlanRequest(text=written) if is_changed else PlanRequest(name=str(name))


def _show_unchanged(name: str, text: str) -> PlanRequest:
    st.code(text, language=None, wrap_lines=True)
    return PlanRequest(name=name)


def _read_study(project: Project, name: str) -> str:
    try:
        return project.study_file(name).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise FairmeshError(f"the file of study {name!r} cannot be read: {error.strerror}") from error


def _show_options(project: Project, request: PlanRequest) -> tuple[PlanRequest, bool]:
    """Show the fields for the profile and the selection; return the whole request, and whether to probe."""
    profiles = project.profiles()
    profile = st.selectbox(
        "Profile", list(profiles), format_func=lambda name: f"{name} (machine {profiles[name]})", key="profile"
    )
    where = st.text_input(
        "Where",
        max_chars=2000,
        key="start_where",
        placeholder="epochs > 10",
        help="Only experiments for which this expression is true",
    )
    first = st.number_input(
        "First", 1, 1_000_000, None, key="start_first", placeholder="All", help="At most this number of experiments"
    )
    probe = st.toggle(
        "Probe", key="start_probe", help="Run the cheapest experiment of each kind first, the others if it succeeds"
    )
    return replace(request, profile=str(profile or ""), where=where.strip(), first=first), bool(probe)


# ---- The plan --------------------------------------------------------------------------------------------------------


def _show_plan(project: Project, request: PlanRequest, probe: bool) -> None:
    """Show the plan or all mistakes, and the buttons that save and start."""
    if not (request.name or request.text.strip()):
        st.info("Enter a name, select an application, and set the parameters to vary.")
        return
    if not steering.may_steer():
        st.info("Enter the token in the sidebar to see the plan of the study and to start it.")
        return
    try:
        plan = _cached_plan(project, request, _timestamp(project, request))
        name_is_taken = not request.name and is_taken(project, plan.study)
    except FairmeshError as error:
        show_error(error)
        return
    if name_is_taken:
        show_error(BusyError(f"study {plan.study!r} exists already; choose another name"))
    cache = status_cache(project.results, plan.study)
    with st.container(horizontal=True):
        if not request.name:
            save = lambda: _save(project, request.text)  # noqa: E731
            steering.action_button("Save", save, cache, disabled=name_is_taken, key="save")
        label = "Start" if request.name else "Save and start"
        start = lambda: _start(project, request, probe)  # noqa: E731
        steering.action_button(label, start, cache, disabled=name_is_taken, key="start")
    if NEXT in st.session_state:
        st.rerun()
    _show_preview(plan)


@st.cache_resource(show_spinner="Making the plan", max_entries=8, ttl=30)  # ten thousand experiments take two seconds
def _cached_plan(project: Project, request: PlanRequest, timestamp: int) -> Preview:
    return preview_plan(project, request, ROWS)


def _timestamp(project: Project, request: PlanRequest) -> int:
    """Return a time that changes when the study's file is edited."""
    try:
        return project.study_file(request.name).stat().st_mtime_ns if request.name else 0
    except OSError:
        return 0


def _show_preview(plan: Preview) -> None:
    """Show the size and cost of a plan, and its first experiments."""
    cost = plan.cost_to_run
    numbers = {
        "Experiments": (f"{plan.total:,}", f"Of {plan.whole:,} in the study"),
        "To run": (f"{plan.to_run:,}", None),
        "CPU hours": (f"{cost.cpu_hours:,.1f}", "As requested by the experiments; they use fewer"),
        "GPU hours": (f"{cost.gpu_hours:,.1f}", "As requested by the experiments"),
    }
    columns = st.columns(2)
    for index, (name, (value, hint)) in enumerate(numbers.items()):
        columns[index % len(columns)].metric(name, value, help=hint)
    if plan.to_run and plan.expected:
        st.markdown(escape_text(expected_time(plan.expected)))
    if cost.without:
        st.markdown(
            f"The hours do not include {count_text(cost.without, 'experiment', ',')} without a declared runtime."
        )
    for warning in plan.warnings[:MAX_WARNINGS]:
        st.warning(escape_text(warning))
    if len(plan.warnings) > MAX_WARNINGS:
        st.markdown(f"and {len(plan.warnings) - MAX_WARNINGS} more warnings")
    st.markdown(escape_text(", ".join(f"{count:,} {why}" for why, count in plan.reasons.items())))
    rows = pd.DataFrame([_row(experiment, plan.axes) for experiment in plan.experiments])
    alt = "Experiments with their state, why they would run, name and axes"
    st.dataframe(rows.style.map(state_style, subset=["state"]), hide_index=True, alt=alt)
    if plan.total > len(plan.experiments):
        st.caption(f"The first {len(plan.experiments)} of {plan.total:,}")


def expected_time(expected: Mapping[str, Any]) -> str:
    """Return sentences about the expected time and its basis."""
    known, unknown = expected["seconds"]["known"], expected["seconds"]["unknown"]
    if not known:
        why = "; ".join(expected["reasons"])
        return f"The expected time is unknown: {why}."
    earlier = sum(source["count"] for source in expected["rests_on"])
    wall = expected["wall"]
    ends = () if wall["low"] is None else (wall["low"], wall["high"])
    interval = f" ({' to '.join(map(format_duration, ends))})" if ends else ""
    missing = f" The time of {count_text(unknown, 'experiment', ',')} is unknown." if unknown else ""
    beyond = f" Beyond the measurements: {'; '.join(expected['remarks'])}." if expected["remarks"] else ""
    tested = expected["back_tests"]["seconds"]
    test = (
        f" Of {tested['results']:,} earlier results, {tested['within']:,} were within the interval."
        if ends and tested["results"]
        else ""
    )
    basis = f"based on {count_text(earlier, 'earlier result', ',')}; the time in a queue is not included"
    return f"Expected: {format_duration(wall['value'])}{interval}, {basis}.{missing}{beyond}{test}"


def _row(experiment: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    axes = experiment["axes"]
    # With a space an axis never has the name of another column.
    values = {f"{name} ": plain_text(axes[name]) if name in axes else "" for name in names}
    return {
        "state": state_label(experiment["state"]),
        "why it would run": experiment["why"],
        "note": experiment["note"],
        "experiment": experiment["name"],
        **values,
    }


# ---- Buttons and messages --------------------------------------------------------------------------------------------


def _save(project: Project, text: str) -> str:
    name = save_study(project, text)
    return _keep_message(f"{name} is saved", name)


def _start(project: Project, request: PlanRequest, probe: bool) -> str:
    run = start_run(project, request, probe)
    return _keep_message(f"run {run.uuid[:8]} of {run.study} is started", run.study, is_started=True)


def _keep_message(text: str, study: str, *, is_started: bool = False) -> str:
    """Keep a message for the next update of the page, which begins with that study as it is saved now."""
    st.session_state[MESSAGE] = (text, study if is_started else "")
    st.session_state[NEXT] = study
    _cached_plan.clear()  # which experiments would run has changed
    return text


def _show_message() -> None:
    """Show the last message of this session, with a link to a started study."""
    text, study = st.session_state.get(MESSAGE, ("", ""))
    if text:
        st.success(escape_text(text))
    if study:
        page = st.Page(overview.show, title="Overview", url_path="overview", default=True)
        st.page_link(page, label="Open it on the page Overview", query_params={"study": study})
