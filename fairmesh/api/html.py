"""How studies, plans and runs look in a notebook: plain HTML, in which every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from fairmesh.names import value_text
from fairmesh.runner.protocol import CANCELLED, DONE, FAILED, LOST, QUEUED, RUNNING, TIMEOUT, WAITING
from fairmesh.status import StudyStatus
from fairmesh.status.model import ORDER

if TYPE_CHECKING:
    from fairmesh.api.plan import Plan
    from fairmesh.api.study import Study

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


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table.

    >>> table(("id",), [("<b>",)])
    '<table><thead><tr><th>id</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def of_study(study: Study) -> str:
    """Show a study: what it is, and its axes."""
    plan = study.plan()
    axes = [(name, ", ".join(map(_cell, values))) for name, values in plan.whole.axes.items()]
    what = f"{study.application}, {len(plan)} experiments, {plan.cost}"
    return f"<b>{escape(study.title)}</b><br>{escape(what)}{table(('axis', 'values'), axes)}"


def of_plan(plan: Plan) -> str:
    """Show the first experiments of a plan."""
    names = list(plan.whole.axes)
    rows = [
        (each.id, *(_cell(each.axes[name]) if name in each.axes else "" for name in names)) for each in plan[:SHOWN]
    ]
    return f"{table(('id', *names), rows)}{escape(_more(len(plan)))}"


def _cell(value: object) -> str:
    return value if isinstance(value, str) else value_text(value)


def _more(count: int) -> str:
    return f"{count} experiments" + (f", of which {SHOWN} are shown" if count > SHOWN else "")


def of_status(status: StudyStatus, state: str) -> str:
    """Show how a run stands: a bar of states, and what did not go well, or goes on."""
    news = sorted(
        (each for each in status.jobs if each.state not in {DONE, WAITING}), key=lambda job: ORDER.index(job.state)
    )
    rows = [
        (each.id, each.machine, each.state, f"{each.progress} %", each.message or each.reason) for each in news[:SHOWN]
    ]
    jobs = table(("id", "machine", "state", "progress", "message"), rows) if rows else ""
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
