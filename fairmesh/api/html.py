"""The status of a run as HTML, for notebooks and the monitor; every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from fairmesh.printing import html_table
from fairmesh.runner.protocol import CANCELLED, DONE, FAILED, LOST, QUEUED, RUNNING, TIMEOUT, WAITING
from fairmesh.status import StudyStatus
from fairmesh.status.model import ORDER

SHOWN = 20  # rows
COLOURS = {  # of Okabe and Ito, which colour-blind people tell apart
    WAITING: "#999999",
    QUEUED: "#56b4e9",
    RUNNING: "#0072b2",
    DONE: "#009e73",
    FAILED: "#d55e00",
    CANCELLED: "#cc79a7",
    TIMEOUT: "#e69f00",
    LOST: "#000000",
}


def of_status(status: StudyStatus, state: str) -> str:
    """Show how a run stands: a bar of states, and what did not go well, or goes on."""
    news = sorted(
        (each for each in status.jobs if each.state not in {DONE, WAITING}), key=lambda job: ORDER.index(job.state)
    )
    rows = [
        (each.id, each.machine, each.state, f"{each.progress} %", each.message or each.reason) for each in news[:SHOWN]
    ]
    jobs = html_table(("id", "machine", "state", "progress", "message"), rows) if rows else ""
    shown = f"{bar(status.counts)}{counts_text(status.counts)}"
    return f"<b>{escape(status.study)}</b>: {escape(state)}, {status.progress:.0%}{shown}{jobs}"


def counts_text(counts: Mapping[str, int]) -> str:
    """Return how many experiments are in each state, in words."""
    return ", ".join(f"{counts[name]} {name}" for name in ORDER if counts[name]) or "no experiments yet"


def bar(counts: Mapping[str, int]) -> str:
    """Return a bar of states, each as long as its share."""
    total = sum(counts.values()) or 1
    parts = "".join(
        f'<span aria-hidden="true" style="background:{COLOURS[name]};width:{counts[name] / total:.2%}"></span>'
        for name in ORDER
        if counts[name]
    )
    style = "display:flex;height:1em;max-width:40em;border:1px solid"
    return f'<div role="img" aria-label="{counts_text(counts)}" style="{style}">{parts}</div>'


def legend(counts: Mapping[str, int]) -> str:
    """Return how many experiments are in each state, each with the colour that it has in the bar."""
    return "".join(
        '<span style="display:inline-block;margin-right:1.5em;white-space:nowrap">'
        f'<span aria-hidden="true" style="display:inline-block;width:.7em;height:.7em;border:1px solid;'
        f'background:{COLOURS[name]}"></span> {counts[name]:,} {name}</span>'
        for name in ORDER
        if counts[name]
    )
