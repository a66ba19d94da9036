"""How the monitor shows states, times and texts; texts of users are never read as Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import streamlit as st

from fairmesh.errors import FairmeshError
from fairmesh.printing import format_duration, list_unreadable
from fairmesh.runner.protocol import RUNNING
from fairmesh.status import JobStatus
from fairmesh.status.states import STATE_COLORS, state_label

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])", re.ASCII)
_COLORS_BY_LABEL = {state_label(state): color for state, color in STATE_COLORS.items()}
_DARK = {"#0072b2", "#000000"}  # white letters have the contrast of WCAG 2.2, 1.4.3 on these

# The first letter of a state in Vega's charts, in a color with enough contrast.
LETTER = {"calculate": "upper(slice(datum.state, 0, 1))", "as": "letter"}
LETTER_COLOR = {
    "condition": {"test": "contrast('#ffffff', scale('color', datum.state)) > 4.5", "value": "#ffffff"},
    "value": "#000000",
}


def escape_text(text: object) -> str:
    r"""Return a text as Markdown that shows it unchanged, on one line.

    >>> escape_text("<b> [a](b) :red[x] $1$")
    '\\<b\\> \\[a\\]\\(b\\) \\:red\\[x\\] \\$1\\$'
    """
    return _PUNCTUATION.sub(r"\\\1", " ".join(str(text).split()))


def job_label(job: JobStatus) -> str:
    """Return an experiment on one line: its name, its progress, and its time so far.

    >>> job = JobStatus("experiment", "local", "epochs=1", "0" * 12, "running", progress=37, seconds={"running": 90})
    >>> job_label(job)
    'epochs=1 37 % 1 min 30 s'
    """
    return f"{job.name} {job.progress} % {running_time(job)}".rstrip()


def running_time(job: JobStatus) -> str:
    """Return how long the program ran, or has been running; empty if it has not begun."""
    seconds = job.seconds.get(RUNNING)
    return format_duration(seconds) if seconds else ""


def job_message(job: JobStatus) -> str:
    """Return the reason for an experiment's state if it is known, else the last message of its program."""
    return job.reason or job.message


def state_style(label: Any) -> str:
    """Return the CSS of a table cell with a state: its color, and a readable text color."""
    color = _COLORS_BY_LABEL.get(label)
    letters = "#ffffff" if color in _DARK else "#000000"
    return f"background-color: {color}; color: {letters}" if color else ""


def state_color(states: Sequence[str], legend: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the color encoding of the field ``state``, which holds labels of states, for Vega-Lite."""
    scale = {"domain": list(map(state_label, states)), "range": [STATE_COLORS[state] for state in states]}
    return {"field": "state", "type": "nominal", "scale": scale, "legend": legend}


def tooltips(*names: str) -> list[dict[str, str]]:
    """Return a tooltip of fields for Vega-Lite."""
    return [{"field": name, "type": "nominal"} for name in names]


def show_error(error: FairmeshError) -> None:
    """Show an error, a line for each problem."""
    st.error("  \n".join(map(escape_text, str(error).splitlines())))


def show_unreadable(problems: Sequence[str]) -> None:
    """Show the files that exist and cannot be read, if there are any."""
    lines = list(map(escape_text, list_unreadable(problems)))
    if lines:
        st.warning("  \n".join(lines))
