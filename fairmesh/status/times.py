"""How long a job was in each state, and how long a run will still take."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from fairmesh.runner.protocol import DONE, ENDS, QUEUED, RUNNING, WAITING
from fairmesh.status.facts import Facts
from fairmesh.status.model import JobStatus, RunStatus, progress
from fairmesh.status.news import QUEUED as QUEUED_EVENT
from fairmesh.status.news import SUBMITTED, JobEvents

HOST = os.uname()[1]


@lru_cache(maxsize=256)  # ten thousand wait for the same run
def seconds_between(start: str, end: str) -> float:
    """Return the seconds from one moment to another, not less than 0: clocks of two hosts may differ.

    >>> seconds_between("2026-11-20T10:00:00Z", "2026-11-20T10:01:30.500Z")
    90.5
    """
    try:
        passed = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    except (ValueError, TypeError):  # not a time; one with a zone and one without
        return 0.0
    return max(0.0, round(passed.total_seconds(), 3))


def in_states(state: str, facts: Facts, news: JobEvents, run: RunStatus | None, now: str) -> dict[str, float]:
    """Return the seconds that a job has spent waiting, queued and running, as far as they are known.

    Parameters
    ----------
    state : str
        Its state.
    facts, news, run : Facts, JobEvents, RunStatus or None
        What is known of it.
    now : str
        This moment, by the clock of this host.
    """
    if not (news or facts.attempt or facts.good):
        is_to_come = run is not None and run.is_alive and state == WAITING
        return {WAITING: seconds_between(run.started, now)} if run and is_to_come else {}
    found: dict[str, float] = {}
    started = str(facts.good.get("started") or facts.status.get("started") or "")
    handed_out = (news.get(SUBMITTED) or news.get(QUEUED_EVENT) or (run.started if run else "",))[0]
    if run and news:
        found[WAITING] = seconds_between(run.started, handed_out)
        if state == QUEUED or started:
            found[QUEUED] = seconds_between(handed_out, started if state != QUEUED else now)
    elif run and run.is_alive and state == WAITING:
        found[WAITING] = seconds_between(run.started, now)
    if started and state in {RUNNING, *ENDS}:
        found[RUNNING] = seconds_between(started, _until(state, facts, now))
    return found


def _until(state: str, facts: Facts, now: str) -> str:
    """Return the end of the running, or the last moment of it that its own clock told."""
    if state == DONE:
        return str(facts.good.get("ended") or "")
    if state == RUNNING and facts.status.get("host") == HOST:
        return now
    return str(facts.status.get("ended") or facts.status.get("updated") or "")


def left(run: RunStatus | None, experiments: Sequence[JobStatus], now: str) -> float | None:
    """Return the seconds that a run will still take if it goes on as it did; None if that cannot be said."""
    if run is None or not run.is_alive:
        return None
    own = tuple(each for each in experiments if each.is_selected and not (each.state == DONE and each.run != run.uuid))
    behind = progress(own)
    passed = seconds_between(run.started, now)
    return round(passed * (1 - behind) / behind, 1) if behind and passed else None
