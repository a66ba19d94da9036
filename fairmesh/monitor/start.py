"""The page Start: choose a study or write one, see what it comes to, and start it."""

from __future__ import annotations

import streamlit as st

from fairmesh.api import Project
from fairmesh.errors import FairmeshError
from fairmesh.monitor import editor, overview, planview, steering
from fairmesh.monitor.draft import is_same
from fairmesh.monitor.look import error, plain
from fairmesh.monitor.setting import given
from fairmesh.monitor.watching import status_cache
from fairmesh.monitor.wish import Wish, name_is_taken
from fairmesh.workflow.planning import Preview

NEW = "a new study"
AS_IT_IS, FORM, TEXT = "as it is", "in a form", "as a text"
SAID, NEXT = "start_said", "start_next"
BEGIN, USE = "begin", "use"  # the latter with what it is used for: a study that is new cannot be used as it is


def show() -> None:
    """Show the page."""
    project = given().project
    left, right = st.columns([3, 2], gap="large")
    with left:
        wish = _choose(project)
    with right:
        wish = _where(project, wish)
        _plan(project, wish)
        _said()


def _choose(project: Project) -> Wish:
    """Ask what to run: a study as it is, or what a person who may steer makes of it."""
    if NEXT in st.session_state:
        st.session_state[BEGIN] = st.session_state.pop(NEXT)
        st.session_state[f"{USE} known"] = AS_IT_IS
    known = [name for name, path in project.studies().items() if path]
    if not steering.may_steer():
        chosen = st.selectbox("Begin with", known, key=BEGIN, bind="query-params")
        return _as_it_is(str(chosen), _text(project, str(chosen))) if chosen else Wish()
    chosen = st.selectbox("Begin with", [NEW, *known], index=min(1, len(known)), key=BEGIN, bind="query-params")
    ways = [FORM, TEXT] if chosen == NEW else [AS_IT_IS, FORM, TEXT]
    key = f"{USE} {'new' if chosen == NEW else 'known'}"
    way = st.radio("Use it", ways, horizontal=True, key=key, persist_state="session")
    text = "" if chosen == NEW else _text(project, str(chosen))
    if st.session_state.get("draft_of") != chosen:
        st.session_state["draft_of"] = chosen
        editor.begin(text)
    elif st.session_state.get("draft_way") != way:
        editor.begin(st.session_state[editor.DRAFT])
    st.session_state["draft_way"] = way
    if way == AS_IT_IS:
        return _as_it_is(str(chosen), text)
    written = editor.as_form(project) if way == FORM else editor.as_text()
    return Wish(text=written) if chosen == NEW or not is_same(written, text) else Wish(name=str(chosen))


def _as_it_is(name: str, text: str) -> Wish:
    st.code(text, language=None, wrap_lines=True)
    return Wish(name=name)


def _text(project: Project, name: str) -> str:
    try:
        return project.study_file(name).read_text(encoding="utf-8", errors="replace")
    except OSError as problem:
        raise FairmeshError(f"the file of study {name!r} cannot be read: {problem.strerror}") from problem


def _where(project: Project, wish: Wish) -> Wish:
    """Ask where to run, and which part."""
    profiles = project.profiles()
    profile = st.selectbox(
        "Profile", list(profiles), format_func=lambda name: f"{name} (machine {profiles[name]})", key="profile"
    )
    where = st.text_input(
        "Where", max_chars=2000, key="start_where", placeholder="epochs > 10", help="only those for which this is true"
    )
    first = st.number_input("First", 1, 1_000_000, None, key="start_first", placeholder="all", help="at most so many")
    probe = st.toggle(
        "Probe", key="start_probe", help="first the cheapest of each kind, the rest only if that goes well"
    )
    return Wish(wish.name, wish.text, str(profile or ""), where.strip(), first, probe)


def _plan(project: Project, wish: Wish) -> None:
    """Show what it comes to, or all that is wrong, and let those who may start it."""
    if not (wish.name or wish.text.strip()):
        st.info("Give the study a name, choose an application, and say what to vary.")
        return
    if not steering.may_steer():
        st.info("Show the token at the side: then the plan of the study is made, and can be started.")
        return
    try:
        plan = _preview(project, wish, _stamp(project, wish))
        taken = None if wish.name else name_is_taken(project, plan.study)
    except FairmeshError as problem:
        error(problem)
        return
    if taken:
        error(taken)
    seen = status_cache(project.results, plan.study)
    with st.container(horizontal=True):
        if not wish.name:
            steering.button("Save", lambda: _save(project, wish), seen, disabled=bool(taken), key="save")
        label = "Start" if wish.name else "Save and start"
        steering.button(label, lambda: _start(project, wish), seen, disabled=bool(taken), key="start")
    if NEXT in st.session_state:
        st.rerun()
    planview.show(plan)


@st.cache_resource(show_spinner="Making the plan", max_entries=8, ttl=30)  # a plan of ten thousand takes two seconds
def _preview(project: Project, wish: Wish, stamp: int) -> Preview:
    return wish.preview(project, planview.ROWS)


def _stamp(project: Project, wish: Wish) -> int:
    """Return what changes when somebody edits the study's file."""
    try:
        return project.study_file(wish.name).stat().st_mtime_ns if wish.name else 0
    except OSError:
        return 0


def _save(project: Project, wish: Wish) -> str:
    name = wish.save(project)
    return _say(f"{name} is saved", name)


def _start(project: Project, wish: Wish) -> str:
    run = wish.start(project)
    return _say(f"run {run.uuid[:8]} of {run.study} is started", run.study, is_started=True)


def _say(text: str, study: str, *, is_started: bool = False) -> str:
    """Keep what was done for the next look, which begins with that study as it is on file now."""
    st.session_state[SAID] = (text, study if is_started else "")
    st.session_state[NEXT] = study
    _preview.clear()  # which experiments would run is another question now
    return text


def _said() -> None:
    """Say what was done in this session, and lead to what was started."""
    text, study = st.session_state.get(SAID, ("", ""))
    if text:
        st.success(plain(text))
    if study:
        there = st.Page(overview.show, title="Overview", url_path="overview", default=True)
        st.page_link(there, label="Watch it on the page Overview", query_params={"study": study})
