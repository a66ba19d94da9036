"""How the monitor shows states, times and texts: what a user wrote stays text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import streamlit as st

from fairmesh.api.html import STATE_COLORS
from fairmesh.errors import FairmeshError
from fairmesh.printing import format_duration, list_unreadable
from fairmesh.runner.protocol import RUNNING
from fairmesh.status import JobStatus

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])", re.ASCII)
_DARK = {"#0072b2", "#000000"}  # on which white letters have the contrast of WCAG 2.2, 1.4.3


def plain(text: object) -> str:
    r"""Return a text as Markdown that shows it as it is, on one line.

    >>> plain("<b> [a](b) :red[x] $1$")
    '\\<b\\> \\[a\\]\\(b\\) \\:red\\[x\\] \\$1\\$'
    """
    return _PUNCTUATION.sub(r"\\\1", " ".join(str(text).split()))


def label(job: JobStatus) -> str:
    """Return an experiment in a line, as the paper's graphs do: name, progress, and the time it took.

    >>> label(JobStatus("experiment", "local", "epochs=1", "0" * 12, "running", progress=37, seconds={"running": 90}))
    'epochs=1 37 % 1 min 30 s'
    """
    return f"{job.id} {job.progress} % {elapsed(job)}".rstrip()


def elapsed(job: JobStatus) -> str:
    """Return how long its program ran, or has been running; empty if it has not begun."""
    seconds = job.seconds.get(RUNNING)
    return format_duration(seconds) if seconds else ""


def said(job: JobStatus) -> str:
    """Return why it is in its state, if that is known, else what its program said last."""
    return job.reason or job.message


def state_style(state: Any) -> str:
    """Return the CSS of a state's cell: its fixed colour, and letters that can be read on it."""
    colour = STATE_COLORS.get(state)
    letters = "#ffffff" if colour in _DARK else "#000000"
    return f"background-color: {colour}; color: {letters}" if colour else ""


def error(problem: FairmeshError) -> None:
    """Show what went wrong, a line each; whatever a person wrote stays text."""
    lines = [plain(line) for line in str(problem).splitlines()]
    st.error("  \n".join(lines))


def name_problems(problems: Sequence[str]) -> None:
    """Name the files that are there and cannot be read; nothing if there are none."""
    lines = [plain(line) for line in list_unreadable(problems)]
    if lines:
        st.warning("  \n".join(lines))
