"""Experiments as a list: those that are meant, in the order that is asked for. REST and the monitor page through it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.status import JobSelection, JobStatus, StudyStatus
from fairmesh.status.model import ORDER

PLAN = "plan"
STATE = "state"
FIELDS = (
    "machine",
    "id",
    "key",
    "reason",
    "progress",
    "message",
    "host",
    "job_id",
    "attempt",
    "run",
    "started",
    "ended",
)


def listed(status: StudyStatus, selection: JobSelection, sort: str = PLAN) -> list[JobStatus]:
    """Return experiments in order.

    Parameters
    ----------
    status : StudyStatus
        How the study stands.
    selection : JobSelection
        Which experiments.
    sort : str
        ``plan``, ``state`` (the worst first), a field, axis or parameter of an experiment; ``-`` before it turns the
        order round.

    Raises
    ------
    InputError
        If nothing is known by the name to sort by, or the selection cannot be understood.
    """
    found = selection.of(status)
    name = sort.removeprefix("-")
    if name != PLAN:
        found.sort(key=_by(name, status))
    return found[::-1] if sort.startswith("-") else found


def sortable(status: StudyStatus) -> list[str]:
    """Return all that experiments can be sorted by."""
    known = dict.fromkeys(each for job in status.experiments[:1000] for each in job.values)
    return list(dict.fromkeys([PLAN, STATE, *FIELDS, *known]))


def _by(name: str, status: StudyStatus) -> Callable[[JobStatus], Any]:
    """Return what experiments are sorted by; values of several types stand apart, and what is missing last."""
    if name == STATE:
        return lambda job: ORDER.index(job.state)
    if name in FIELDS:
        return lambda job: getattr(job, name)
    names = sortable(status)
    if name not in names:
        raise InputError([Problem(f"cannot sort by {name!r}", "sort", ", ".join(names), nearest(name, names))])
    return lambda job: _rank(job.values.get(name))


def _rank(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return (0, float(value) if abs(value) < 1e300 else float("inf"), "")
    return (2, 0.0, "") if value is None else (1, 0.0, value if isinstance(value, str) else json.dumps(value))
