"""Lists of experiments, filtered and sorted, for the REST service and the monitor."""

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


def sort_jobs(status: StudyStatus, selection: JobSelection, sort: str = PLAN) -> list[JobStatus]:
    """Return the selected experiments in order.

    Parameters
    ----------
    status : StudyStatus
        The status of the study.
    selection : JobSelection
        Which experiments.
    sort : str
        ``plan``, ``state`` (failed ones first), or a field, axis, parameter or metric of an experiment; ``-`` before
        it reverses the order.

    Raises
    ------
    InputError
        If there is no such name to sort by, or the selection is not valid.
    """
    jobs = selection.of(status)
    name = sort.removeprefix("-")
    if name != PLAN:
        jobs.sort(key=_sort_key(name, status))
    return jobs[::-1] if sort.startswith("-") else jobs


def sort_names(status: StudyStatus) -> list[str]:
    """Return the names that experiments can be sorted by."""
    known = dict.fromkeys(name for job in status.experiments[:1000] for name in job.values)
    return list(dict.fromkeys([PLAN, STATE, *FIELDS, *known, *metric_names(status)]))


def metric_names(status: StudyStatus) -> list[str]:
    """Return the names of the metrics of all results so far."""
    return list(dict.fromkeys(name for job in status.experiments for name in job.metrics))


def _sort_key(name: str, status: StudyStatus) -> Callable[[JobStatus], Any]:
    """Return the key function of a name; it sorts numbers before other values, and missing ones last."""
    if name == STATE:
        return lambda job: ORDER.index(job.state)
    if name in FIELDS:
        return lambda job: getattr(job, name)
    names = sort_names(status)
    if name not in names:
        raise InputError([Problem(f"cannot sort by {name!r}", "sort", ", ".join(names), nearest(name, names))])
    return lambda job: _rank(job.values.get(name, job.metrics.get(name)))


def _rank(value: Any) -> tuple[int, float, str]:
    if isinstance(value, int | float):
        return (0, float(value) if abs(value) < 1e300 else float("inf"), "")
    return (2, 0.0, "") if value is None else (1, 0.0, value if isinstance(value, str) else json.dumps(value))
