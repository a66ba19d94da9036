"""The bars of a timeline: which job ran when, on which node, and in which lane."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from fairmesh.monitor.lanes import lanes
from fairmesh.runner.protocol import ENDS, RUNNING
from fairmesh.status import JobStatus

STAGES = "stages"
SHORTEST = timedelta(milliseconds=1)  # as exactly as times are written


@dataclass(frozen=True, slots=True)
class Bar:
    """The last attempt of an experiment or stage.

    Parameters
    ----------
    job : JobStatus
        What ran.
    node : str
        The machine and the node that it ran on, as people read them.
    start, end : datetime
        When, by the clock of that node; the end of what runs is now.
    """

    job: JobStatus
    node: str
    start: datetime
    end: datetime


def bars(jobs: Iterable[JobStatus], now: str) -> list[Bar]:
    """Return a bar for each job whose program has begun, in the order in which they began."""
    found = [_bar(each, now) for each in jobs if each.state == RUNNING or each.state in ENDS]
    return sorted(filter(None, found), key=lambda bar: (bar.start, bar.job.id, bar.job.machine))


def _bar(job: JobStatus, now: str) -> Bar | None:
    start = _time(job.started)
    if start is None:
        return None
    end = _time(now if job.state == RUNNING else job.ended)
    if end is None:  # nobody said its end: the last moment that is known
        end = start + timedelta(seconds=job.seconds.get(RUNNING, 0))
    node = f"{job.machine or STAGES} · {job.host or 'node unknown'}"
    return Bar(job, " ".join(node.split()), start, max(end, start + SHORTEST))


def _time(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None


def in_lanes(shown: Sequence[Bar]) -> list[tuple[Bar, int]]:
    """Return the bars node by node, each with its lane there, from 0."""
    by_node: dict[str, list[Bar]] = {}
    for bar in sorted(shown, key=lambda bar: bar.node):
        by_node.setdefault(bar.node, []).append(bar)
    return [
        pair
        for own in by_node.values()
        for pair in zip(own, lanes([(bar.start.timestamp(), bar.end.timestamp()) for bar in own]), strict=True)
    ]
