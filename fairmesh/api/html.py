"""The status of a run as HTML, for notebooks and the monitor; every text is escaped."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from fairmesh.printing import html_table
from fairmesh.runner.protocol import DONE, WAITING
from fairmesh.status import StudyStatus
from fairmesh.status.machines import MACHINE_HEADS, machine_row
from fairmesh.status.model import ORDER
from fairmesh.status.states import STATE_COLORS, state_label

SHOWN = 20  # jobs


def status_html(status: StudyStatus, state: str) -> str:
    """Return the status of a run: a bar of states, and the jobs that are active or failed."""
    jobs = sorted(
        (job for job in status.jobs if job.state not in {DONE, WAITING}), key=lambda job: ORDER.index(job.state)
    )
    rows = [
        (job.name, job.machine, state_label(job.state), f"{job.progress} %", job.message or job.reason)
        for job in jobs[:SHOWN]
    ]
    table = html_table(("experiment", "machine", "state", "progress", "message"), rows) if rows else ""
    machines = [machine_row(machine, status.now) for machine in status.machines]
    table += html_table(MACHINE_HEADS, machines) if machines else ""
    interruption = f"<p>{escape(status.interruption)}</p>" if status.interruption else ""
    summary = f"{interruption}{state_bar(status.counts)}{counts_text(status.counts)}"
    return f"<b>{escape(status.study)}</b>: {escape(state)}, {status.progress:.0%}{summary}{table}"


def counts_text(counts: Mapping[str, int]) -> str:
    """Return the number of experiments in each state, as a text."""
    return ", ".join(f"{counts[name]} {state_label(name)}" for name in ORDER if counts[name]) or "no experiments yet"


def state_bar(counts: Mapping[str, int]) -> str:
    """Return a bar whose parts are proportional to the number of experiments in each state."""
    total = sum(counts.values()) or 1
    parts = "".join(
        f'<span aria-hidden="true" style="background:{STATE_COLORS[name]};width:{counts[name] / total:.2%}"></span>'
        for name in ORDER
        if counts[name]
    )
    style = "display:flex;height:1em;max-width:40em;border:1px solid"
    return f'<div role="img" aria-label="{counts_text(counts)}" style="{style}">{parts}</div>'


def state_legend(counts: Mapping[str, int]) -> str:
    """Return the number of experiments in each state, with its color in the bar."""
    return "".join(
        '<span style="display:inline-block;margin-right:1.5em;white-space:nowrap">'
        f'<span aria-hidden="true" style="display:inline-block;width:.7em;height:.7em;border:1px solid;'
        f'background:{STATE_COLORS[name]}"></span> {counts[name]:,} {state_label(name)}</span>'
        for name in ORDER
        if counts[name]
    )
