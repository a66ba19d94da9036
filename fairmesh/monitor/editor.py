"""Writing a study: in a form made from the schema of its application, or as a text; each becomes the other."""

from __future__ import annotations

import re
from typing import Any

import streamlit as st

from fairmesh.api import Project
from fairmesh.api.project import NAME
from fairmesh.errors import FairmeshError
from fairmesh.monitor import fields
from fairmesh.monitor.draft import Draft, lines_of, without_strangers
from fairmesh.monitor.look import error, plain
from fairmesh.study.application import Application
from fairmesh.study.find import find_applications
from fairmesh.study.validation import load_application

MOST = 10_000  # repeats
LONGEST = 100_000  # characters of a study; what is longer already is not cut
LINE = 300
MEASURES = ("exclusive", "shared")
BASE, DRAFT, COUNT = "draft_base", "draft", "draft_count"


def begin(text: str) -> None:
    """Take a text to begin with; all fields are made anew."""
    st.session_state[BASE] = st.session_state[DRAFT] = text
    st.session_state[COUNT] = st.session_state.get(COUNT, 0) + 1


def as_text() -> str:
    """Let a person write the text; give it."""
    written = st.text_area(
        "Study file",
        st.session_state[BASE],
        height=500,
        max_chars=max(LONGEST, len(st.session_state[BASE])),
        key=f"text {st.session_state[COUNT]}",
        persist_state="session",
    )
    st.session_state[DRAFT] = written
    return str(written)


def as_form(project: Project) -> str:
    """Let a person fill in a form; give the text that it makes."""
    try:
        draft = Draft.of(st.session_state[BASE])
    except FairmeshError as problem:
        error(problem)
        st.info("The form comes back when the text is YAML.")
        return str(st.session_state[DRAFT])
    written = _form(draft, project, f"form {st.session_state[COUNT]}")
    st.session_state[DRAFT] = written
    st.header("Study file")
    st.code(written, language=None, wrap_lines=True)
    return written


def _form(draft: Draft, project: Project, generation: str) -> str:
    keys = _head(draft, generation)
    name, application = _application(draft, project, generation)
    if application is None:
        return draft.written(keys, {})
    if name != draft.text_of("application"):
        draft = without_strangers(draft, application)
    axes = fields.axes(draft, application, f"{generation} {name}")
    keys |= {"application": name} | _foot(draft, generation)
    if draft.unseen:
        st.markdown(f"What the form does not show stays as it is: {plain(', '.join(draft.unseen))}.")
    return draft.written(keys, axes)


def _head(draft: Draft, generation: str) -> dict[str, Any]:
    left, right = st.columns(2)
    name = left.text_input(
        "Name",
        draft.text_of("study"),
        max_chars=max(LINE, len(draft.text_of("study"))),
        key=f"{generation} study",
        persist_state="session",
        help="of the study, of its file, and of its folder in the results",
    )
    title = right.text_input(
        "Title",
        draft.text_of("title"),
        max_chars=max(LINE, len(draft.text_of("title"))),
        key=f"{generation} title",
        persist_state="session",
    )
    return {"study": name.strip(), "title": title.strip()}


def _application(draft: Draft, project: Project, generation: str) -> tuple[str, Application | None]:
    """Ask for the application; give it if it is right."""
    known = {name: path for name, path in sorted(find_applications(project.root).items()) if _is_name(name)}
    named = draft.text_of("application")
    chosen = st.selectbox(
        "Application",
        list(known),
        index=list(known).index(named) if named in known else None,
        placeholder="choose one",
        key=f"{generation} application",
        persist_state="session",
    )
    if chosen is None:
        if named:
            st.info(plain(f"{named} is not the name of an application that is installed here."))
        return "", None
    try:
        return chosen, load_application(known[chosen])
    except FairmeshError as problem:
        error(problem)
        return chosen, None


def _is_name(name: str) -> bool:
    return re.fullmatch(NAME, name, re.ASCII) is not None


def _foot(draft: Draft, generation: str) -> dict[str, Any]:
    """Ask how often, how, and what not; give what was changed."""
    left, right = st.columns(2)
    repeat = left.number_input(
        "Repeat",
        1,
        max(MOST, draft.repeat),
        draft.repeat,
        key=f"{generation} repeat",
        persist_state="session",
        help="each point",
    )
    before = draft.text_of("measure") or MEASURES[0]
    measure = right.selectbox(
        "Measure",
        MEASURES,
        index=MEASURES.index(before) if before in MEASURES else 0,
        key=f"{generation} measure",
        persist_state="session",
        help="exclusive: one experiment at a time with all cores of its machine",
    )
    found: dict[str, Any] = {}
    if repeat != draft.repeat:
        found["repeat"] = repeat if repeat > 1 else None
    if measure != before:
        found["measure"] = measure if measure != MEASURES[0] else None
    excluded = draft.excluded
    lines = st.text_area(
        "Exclude",
        "as in the text" if excluded is None else excluded,
        height=100,
        max_chars=max(LONGEST, len(excluded or "")),
        disabled=excluded is None,
        placeholder="{gpu: v100, epochs: 60}\nlearning_rate > 0.005 and epochs == 1",
        key=f"{generation} exclude",
        persist_state="session",
        help="a line each: a map of which every value matches, or an expression that is true",
    )
    if excluded is not None and lines != excluded:
        found["exclude"] = lines_of(lines)
    return found
