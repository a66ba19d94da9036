"""A plan before it runs: how many experiments, which of them would run and why, and what they ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from fairmesh.monitor.look import plain, state_style
from fairmesh.names import plain_text
from fairmesh.printing import format_duration
from fairmesh.workflow.planning import Expectation, Preview

ROWS = 50
WARNINGS = 10


def show(plan: Preview) -> None:
    """Show a plan, what would become of its experiments, and what those that would run will take."""
    asked = plan.cost_to_run
    numbers = {
        "experiments": (f"{plan.total:,}", f"of {plan.whole:,} in the study"),
        "would run": (f"{plan.to_run:,}", None),
        "CPU hours": (f"{asked.cpu_hours:,.1f}", "as the experiments ask for them; they use fewer"),
        "GPU hours": (f"{asked.gpu_hours:,.1f}", "as the experiments ask for them"),
    }
    columns = st.columns(2)
    for at, (name, (value, hint)) in enumerate(numbers.items()):
        columns[at % len(columns)].metric(name, value, help=hint)
    if plan.to_run and plan.expected:
        st.markdown(plain(expected_time(plan.expected)))
    if asked.without:
        st.markdown(f"{asked.without:,} of them do not say how long they run, and are not in the hours.")
    for warning in plan.warnings[:WARNINGS]:
        st.warning(plain(warning))
    if len(plan.warnings) > WARNINGS:
        st.markdown(f"and {len(plan.warnings) - WARNINGS} more warnings")
    st.markdown(plain(", ".join(f"{count:,} {why}" for why, count in plan.reasons.items())))
    _table(plan.experiments, plan.axes)
    if plan.total > len(plan.experiments):
        st.caption(f"the first {len(plan.experiments)} of {plan.total:,}")


def expected_time(expected: Expectation) -> str:
    """Say how long they will take, and what that rests on."""
    if expected.seconds is None:
        return "The expected time is unknown: nothing like them has run."
    basis = f"{expected.earlier:,} earlier results; waiting in a queue is not counted"
    more = f", and nothing is known of {expected.unknown:,} of them" if expected.unknown else ""
    return f"Expected: {format_duration(expected.seconds)} with {expected.at_once:,} at once, by {basis}{more}."


def _table(shown: Sequence[Mapping[str, Any]], axes: Sequence[str]) -> None:
    rows = pd.DataFrame([_row(each, axes) for each in shown])
    alt = "The experiments, each with its state, why it would run, its id and its axes"
    st.dataframe(rows.style.map(state_style, subset=["state"]), hide_index=True, alt=alt)


def _row(each: Mapping[str, Any], axes: Sequence[str]) -> dict[str, Any]:
    own = each["axes"]
    values = {f"{name} ": plain_text(own[name]) if name in own else "" for name in axes}  # never a column of ours
    return {"state": each["state"], "why it would run": each["why"] or each["note"], "id": each["id"], **values}
