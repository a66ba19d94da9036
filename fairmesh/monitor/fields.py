"""The fields of a form that is made from the schema of an application."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import streamlit as st

from fairmesh.monitor import notation
from fairmesh.monitor.draft import Draft, schemas
from fairmesh.monitor.look import plain
from fairmesh.names import REPEAT, value_text
from fairmesh.schema import Node
from fairmesh.schema.wording import describe_schema
from fairmesh.study.application import Application
from fairmesh.study.values import FRAMEWORK_AXES, Schema, declared_types

COLUMNS = 2
LONGEST = 2000  # characters of a field
NOTATION = "Several values: 1, 30, 60 or [1-5] or {from: 1, to: 9, step: 2}."


def axes(draft: Draft, application: Application, generation: str) -> dict[str, Any]:
    """Ask for the values of all parameters; give those that were changed, by the names that the study uses."""
    st.caption(f"{NOTATION} An empty field takes the default.")
    known = schemas(application)
    given = {application.known_names.get(name, name): name for name in draft.axes}
    used = [name for name in known if name in given and name != REPEAT]
    own = [name for name in application.parameters if name not in used]
    framework = [name for name in FRAMEWORK_AXES if name not in [*used, REPEAT]]
    found: dict[str, Any] = {}
    for title, names in (("Varied or set", used), ("Other parameters", own), ("GPU and resources", framework)):
        if names:
            with st.expander(f"{title} ({len(names)})", expanded=names is (used or own)):
                found |= dict(_asked(names, draft, known, given, application, generation))
    return found


def _asked(
    names: Sequence[str],
    draft: Draft,
    known: Mapping[str, Schema],
    given: Mapping[str, str],
    application: Application,
    generation: str,
) -> Iterator[tuple[str, Any]]:
    columns = st.columns(COLUMNS)
    for at, name in enumerate(names):
        parameter = application.parameters.get(name)
        has_default = parameter is None or parameter.has_default
        default = value_text(parameter.default) if parameter and has_default else "" if has_default else "needed"
        with columns[at % COLUMNS]:
            yield from _field(name, given.get(name, name), draft, known[name], default, f"{generation} {name}")


def _field(name: str, key: str, draft: Draft, schema: Schema, default: str, widget: str) -> Iterator[tuple[str, Any]]:
    """Ask for the values of one name; give them only if they were changed."""
    node = draft.axes.get(key)
    unit = schema.get("unit") or ""
    about: dict[str, Any] = {
        "label": plain(f"{name} ({unit})" if unit not in {"", "1"} else name),
        "help": _help(schema, default),
        "key": widget,
        "persist_state": "session",
    }
    choices = _choices(schema)
    chosen = _chosen(node, choices)
    if choices and chosen is not None:
        asked = st.multiselect(options=list(choices), default=chosen, placeholder=default or "default", **about)
        if asked != chosen:
            values = [choices[each] for each in asked]
            yield key, values[0] if len(values) == 1 else values
        return
    before = "" if node is None else notation.to_text(node, schema)
    before = before if before is None or len(before) <= LONGEST else None
    shown = st.text_input(
        value=before or ("as in the text" if before is None else ""),
        placeholder=default,
        max_chars=LONGEST,
        disabled=before is None,
        **about,
    )
    if before is not None and shown.strip() != before:
        yield key, notation.to_value(shown, schema) if shown.strip() else None


def _choices(schema: Schema) -> dict[str, Any]:
    """Return the values that can be chosen, by the text that shows them; nothing if there is no end of them."""
    found = schema.get("enum") or ([True, False] if declared_types(schema) == ("boolean",) else [])
    return {value_text(each): each for each in found}


def _chosen(node: Node | None, choices: Mapping[str, Any]) -> list[str] | None:
    """Return the choices that the study names; None if it says more than that."""
    if node is None:
        return []
    nodes = node.members if isinstance(node.value, list) else [node]
    texts = [each.text or value_text(each.value) for each in nodes if not isinstance(each.value, dict | list)]
    return texts if len(texts) == len(nodes) and set(texts) <= set(choices) else None


def _help(schema: Schema, default: str) -> str:
    parts = [str(schema.get("description") or ""), f"Each is {describe_schema(schema)}."]
    parts += [f"Default: {default}."] if default and default != "needed" else []
    return plain(" ".join(filter(None, parts)))
