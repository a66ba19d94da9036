"""A plan before it runs: how many experiments, which of them would run and why, and what they ask for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from fairmesh.api.plan import Plan
from fairmesh.monitor.look import plain, state_style
from fairmesh.names import value_text
from fairmesh.wording import duration
from fairmesh.workflow.estimate import Estimate
from fairmesh.workflow.forecast import Forecast

ROWS = 50
WARNINGS = 10


def show(plan: Plan, found: Sequence[Forecast], expected: Estimate) -> None:
    """Show a plan, what would become of each of its experiments, and what those that would run will take."""
    asked = expected.asked
    numbers = {
        "experiments": (f"{len(plan):,}", f"of {len(plan.whole.experiments):,} in the study"),
        "would run": (f"{len(expected.to_run):,}", None),
        "CPU hours": (f"{asked.cpu_hours:,.1f}", "as the experiments ask for them; they use fewer"),
        "GPU hours": (f"{asked.gpu_hours:,.1f}", "as the experiments ask for them"),
    }
    columns = st.columns(2)
    for at, (name, (value, hint)) in enumerate(numbers.items()):
        columns[at % len(columns)].metric(name, value, help=hint)
    if expected.to_run:
        st.markdown(plain(expected_time(expected)))
    if asked.without:
        st.markdown(f"{asked.without:,} of them do not say how long they run, and are not in the hours.")
    for warning in plan.warnings[:WARNINGS]:
        st.warning(plain(warning))
    if len(plan.warnings) > WARNINGS:
        st.markdown(f"and {len(plan.warnings) - WARNINGS} more warnings")
    st.markdown(_why(found))
    _table(found[:ROWS], list(plan.whole.axes))
    if len(found) > ROWS:
        st.caption(f"the first {ROWS} of {len(found):,}")


def expected_time(expected: Estimate) -> str:
    """Say how long they will take, and what that rests on."""
    unknown = len(expected.to_run) - len(expected.known)
    if expected.wall_seconds is None:
        return "The expected time is unknown: nothing like them has run."
    basis = f"{len(expected.rests_on):,} earlier results; waiting in a queue is not counted"
    more = f", and nothing is known of {unknown:,} of them" if unknown else ""
    return f"Expected: {duration(expected.wall_seconds)} with {expected.at_once:,} at once, by {basis}{more}."


def _why(found: Sequence[Forecast]) -> str:
    """Say in a line why experiments would run."""
    counts = Counter(each.why.partition(":")[0] or "done, not again" for each in found)
    return plain(", ".join(f"{count:,} {why}" for why, count in counts.most_common()))


def _table(shown: Sequence[Forecast], axes: Sequence[str]) -> None:
    rows = pd.DataFrame([_row(each, axes) for each in shown])
    alt = "The experiments, each with its state, why it would run, its id and its axes"
    st.dataframe(rows.style.map(state_style, subset=["state"]), hide_index=True, alt=alt)


def _row(each: Forecast, axes: Sequence[str]) -> dict[str, Any]:
    own = each.experiment.axes
    values = {f"{name} ": _cell(own[name]) if name in own else "" for name in axes}  # never a column of ours
    return {"state": each.state, "why it would run": each.why or each.note, "id": each.experiment.id, **values}


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else value_text(value)
