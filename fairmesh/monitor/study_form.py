"""Edit a study as text, or in a form made from the schema of its application."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import streamlit as st

from fairmesh.api import Project
from fairmesh.api.project import NAME
from fairmesh.errors import FairmeshError
from fairmesh.monitor.display import escape_text, show_error
from fairmesh.monitor.study_draft import Draft, field_text, parse_exclusions, parse_field
from fairmesh.names import REPEAT, value_text
from fairmesh.schema import Node
from fairmesh.schema.wording import describe_schema
from fairmesh.study.application import Application
from fairmesh.study.find import known_applications
from fairmesh.study.validation import load_application
from fairmesh.study.values import FRAMEWORK_AXES, Schema, declared_types

MAX_REPEATS = 10_000
MAX_LENGTH = 2000  # characters of a field; longer values stay as they are in the text
MEASURES = ("exclusive", "shared")
KEPT = "as in the text"
INITIAL, CURRENT, GENERATION = "draft_initial", "draft_current", "draft_generation"


def reset(text: str) -> None:
    """Begin with a text; a new generation of fields shows it."""
    st.session_state[INITIAL] = st.session_state[CURRENT] = text
    st.session_state[GENERATION] = st.session_state.get(GENERATION, 0) + 1


def current_text() -> str:
    """Return the text of the study as it was edited last."""
    return str(st.session_state[CURRENT])


def show_text() -> str:
    """Show the study as an editable text, and return it."""
    key = f"text {st.session_state[GENERATION]}"
    text = st.text_area("Text", st.session_state[INITIAL], height=500, key=key, persist_state="session")
    st.session_state[CURRENT] = text
    return str(text)


def show_form(project: Project) -> str:
    """Show the study as a form, and return the resulting text."""
    try:
        draft = Draft.of(st.session_state[INITIAL])
    except FairmeshError as error:
        show_error(error)
        st.info("The form needs a text that is valid YAML.")
        return current_text()
    st.session_state[CURRENT] = _show_fields(draft, project, f"form {st.session_state[GENERATION]}")
    st.header("Text")
    st.code(current_text(), language=None, wrap_lines=True)
    return current_text()


def _show_fields(draft: Draft, project: Project, generation: str) -> str:
    left, right = st.columns(2)
    about = "The name of the study, its file, and its results folder"
    keys: dict[str, Any] = {
        "study": _text_input(left, "Name", draft.text_of("study"), f"{generation} study", help=about),
        "title": _text_input(right, "Title", draft.text_of("title"), f"{generation} title"),
    }
    name, application = _select_application(draft, project, generation)
    if application is None:
        return draft.updated(keys, {})
    if name != draft.text_of("application"):
        draft = draft.for_application(application)
    axes = _show_axes(draft, application, f"{generation} {name}")
    keys |= {"application": name} | _show_execution(draft, generation)
    if draft.hidden_keys:
        st.markdown(f"The form keeps these keys unchanged: {escape_text(', '.join(draft.hidden_keys))}.")
    return draft.updated(keys, axes)


def _text_input(column: Any, label: str, value: str, key: str, **options: Any) -> str:
    return str(column.text_input(label, value, key=key, persist_state="session", **options)).strip()


def _select_application(draft: Draft, project: Project, generation: str) -> tuple[str, Application | None]:
    """Show the field for the application, and return it if it is valid."""
    applications = known_applications(project.folder)
    known = {name: applications[name] for name in sorted(applications) if re.fullmatch(NAME, name, re.ASCII)}
    current = draft.text_of("application")
    name = st.selectbox(
        "Application",
        list(known),
        index=list(known).index(current) if current in known else None,
        placeholder="Select one",
        key=f"{generation} application",
        persist_state="session",
    )
    if name is None:
        if current:
            st.info(escape_text(f"No application named {current} is installed here."))
        return "", None
    try:
        return name, load_application(known[name])
    except FairmeshError as error:
        show_error(error)
        return name, None


def _show_execution(draft: Draft, generation: str) -> dict[str, Any]:
    """Show the fields for repeats, measuring and exclusions, and return the changed values."""
    left, right = st.columns(2)
    repeat = left.number_input(
        "Repeat",
        1,
        max(MAX_REPEATS, draft.repeat),
        draft.repeat,
        key=f"{generation} repeat",
        persist_state="session",
        help="Runs of each parameter point",
    )
    current = draft.text_of("measure") or MEASURES[0]
    measure = right.selectbox(
        "Measure",
        MEASURES,
        index=MEASURES.index(current) if current in MEASURES else 0,
        key=f"{generation} measure",
        persist_state="session",
        help="exclusive: one experiment at a time, with all cores of its machine",
    )
    excluded = draft.exclude_text
    lines = st.text_area(
        "Exclude",
        KEPT if excluded is None else excluded,
        height=100,
        disabled=excluded is None,
        placeholder="{gpu: v100, epochs: 60}\nlearning_rate > 0.005 and epochs == 1",
        key=f"{generation} exclude",
        persist_state="session",
        help="A line each: a map whose values all match, or an expression that is true",
    )
    changes: dict[str, Any] = {}
    if repeat != draft.repeat:
        changes["repeat"] = repeat if repeat > 1 else None
    if measure != current:
        changes["measure"] = measure if measure != MEASURES[0] else None
    if excluded is not None and lines != excluded:
        changes["exclude"] = parse_exclusions(lines)
    return changes


# ---- Axes ------------------------------------------------------------------------------------------------------------


def _show_axes(draft: Draft, application: Application, generation: str) -> dict[str, Any]:
    """Show a field for each parameter, and return the changed values by the names that the study uses."""
    st.caption("Several values: 1, 30, 60 or [1-5] or {from: 1, to: 9, step: 2}. An empty field means the default.")
    schemas = _axis_schemas(application)
    given = {application.known_names.get(name, name): name for name in draft.axes}
    used = [name for name in schemas if name in given and name != REPEAT]
    own = [name for name in application.parameters if name not in used]
    framework = [name for name in FRAMEWORK_AXES if name not in [*used, REPEAT]]
    changes: dict[str, Any] = {}
    for title, names in (("Varied or set", used), ("Other parameters", own), ("GPU and resources", framework)):
        if names:
            with st.expander(f"{title} ({len(names)})", expanded=names is (used or own)):
                changes |= dict(_show_group(names, draft, schemas, given, application, generation))
    return changes


def _axis_schemas(application: Application) -> dict[str, Schema]:
    """Return the schema of each axis that a study can name."""
    own: dict[str, Schema] = {
        name: {**parameter.json_schema, "description": parameter.description, "unit": parameter.unit}
        for name, parameter in application.parameters.items()
    }
    return own | FRAMEWORK_AXES


def _show_group(
    names: Sequence[str],
    draft: Draft,
    schemas: Mapping[str, Schema],
    given: Mapping[str, str],
    application: Application,
    generation: str,
) -> Iterator[tuple[str, Any]]:
    columns = st.columns(2)
    for index, name in enumerate(names):
        parameter = application.parameters.get(name)
        if parameter and not parameter.has_default:
            default = "required"
        else:
            default = value_text(parameter.default) if parameter else ""
        with columns[index % len(columns)]:
            key = given.get(name, name)
            yield from _show_axis(name, key, draft.axes.get(key), schemas[name], default, f"{generation} {name}")


def _show_axis(
    name: str, key: str, node: Node | None, schema: Schema, default: str, widget: str
) -> Iterator[tuple[str, Any]]:
    """Show the field of an axis, and yield its value if it was changed."""
    unit = schema.get("unit") or ""
    options: dict[str, Any] = {
        "label": escape_text(f"{name} ({unit})" if unit not in {"", "1"} else name),
        "help": _help_text(schema, default),
        "key": widget,
        "persist_state": "session",
    }
    choices = _choices(schema)
    current = _chosen(node, choices)
    if choices and current is not None:
        chosen = st.multiselect(options=list(choices), default=current, placeholder=default or "default", **options)
        if chosen != current:
            values = [choices[text] for text in chosen]
            yield key, values[0] if len(values) == 1 else values
        return
    before = "" if node is None else field_text(node, schema)
    if before is None or len(before) > MAX_LENGTH:
        st.text_input(value=KEPT, disabled=True, **options)
        return
    text = st.text_input(value=before, placeholder=default, max_chars=MAX_LENGTH, **options)
    if text.strip() != before:
        yield key, parse_field(text, schema) if text.strip() else None


def _choices(schema: Schema) -> dict[str, Any]:
    """Return the values to choose from, by their texts; empty if a schema does not list them."""
    values = schema.get("enum") or ([True, False] if declared_types(schema) == ("boolean",) else [])
    return {value_text(value): value for value in values}


def _chosen(node: Node | None, choices: Mapping[str, Any]) -> list[str] | None:
    """Return the choices that the study names; None if it has other values."""
    if node is None:
        return []
    nodes = node.members if isinstance(node.value, list) else [node]
    texts = [item.text or value_text(item.value) for item in nodes if not isinstance(item.value, dict | list)]
    return texts if len(texts) == len(nodes) and set(texts) <= set(choices) else None


def _help_text(schema: Schema, default: str) -> str:
    parts = [str(schema.get("description") or ""), f"Each is {describe_schema(schema)}."]
    parts += [f"Default: {default}."] if default not in {"", "required"} else []
    return escape_text(" ".join(filter(None, parts)))
