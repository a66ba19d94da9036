"""How studies, plans and runs look in a notebook: plain HTML, in which every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from fairmesh.live import StudyStatus
from fairmesh.live.model import ORDER
from fairmesh.names import value_text
from fairmesh.runner.protocol import CANCELLED, DONE, FAILED, LOST, QUEUED, RUNNING, TIMEOUT, WAITING

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
    """Give a table.

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
    total = sum(status.counts.values()) or 1
    parts = "".join(
        f'<span aria-hidden="true" style="background:{COLOURS[name]};width:{status.counts[name] / total:.2%}"></span>'
        for name in ORDER
        if status.counts[name]
    )
    counts = ", ".join(f"{status.counts[name]} {name}" for name in ORDER if status.counts[name]) or "no experiments yet"
    bar = f'<div role="img" aria-label="{counts}" style="display:flex;height:1em;max-width:40em">{parts}</div>'
    shown = sorted(
        (each for each in status.jobs if each.state not in {DONE, WAITING}), key=lambda job: ORDER.index(job.state)
    )
    rows = [
        (each.id, each.machine, each.state, f"{each.progress} %", each.message or each.reason) for each in shown[:SHOWN]
    ]
    jobs = table(("id", "machine", "state", "progress", "message"), rows) if rows else ""
    return f"<b>{escape(status.study)}</b>: {escape(state)}, {status.progress:.0%}{bar}{counts}{jobs}"
