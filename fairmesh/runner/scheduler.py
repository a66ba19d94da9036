"""Query the scheduler about jobs, as evidence for claims; answers are cached briefly.

A missing answer proves nothing. Neither does a number alone, since other clusters use the same numbers.
"""

import time
from typing import Dict, Iterable, List, Optional, Tuple

from ..schedulers import JobInfo, Scheduler, SchedulerError, available, current_job, detect

PATIENCE = 10.0  # seconds for an answer
BRIEFLY = 3.0  # the same, while a user waits
FRESH = 5.0  # seconds for which an answer is cached, so that waiting does not flood the controller
REST = 30.0  # seconds until a scheduler that did not answer is queried again
SILENCE = 900.0  # seconds without an answer after which waiting ends

_Known = Tuple[float, bool, Optional[JobInfo]]
_known: Dict[Tuple[str, str], _Known] = {}
_unanswered: Dict[str, float] = {}
_silence: List[float] = []


def is_here() -> bool:
    """Return whether there is a scheduler on this host."""
    return detect() is not None


def jobs(
    ids: Optional[Iterable[str]] = None,
    name: Optional[str] = None,
    patience: Optional[float] = None,
    scheduler: Optional[Scheduler] = None,
) -> Optional[Dict[str, JobInfo]]:
    """Return jobs by number, including recently ended ones.

    Parameters
    ----------
    ids : iterable of str, optional
        Only these, of any user; by default all of this user.
    name : str, optional
        Only jobs of this name.
    patience : float, optional
        Seconds for the answer.
    scheduler : Scheduler, optional
        The scheduler to query; by default the detected one.

    Returns
    -------
    dict or None
        Job by number; None if there is no scheduler here, or it does not answer.
    """
    scheduler = scheduler or detect()
    if scheduler is None:
        return None
    numbers = None if ids is None else sorted(set(ids))
    try:
        answer = scheduler.jobs(numbers, name, PATIENCE if patience is None else patience)
    except SchedulerError:
        _unanswered[scheduler.name] = time.monotonic()
        return None
    _unanswered.pop(scheduler.name, None)
    now = time.monotonic()
    if numbers and name is None:
        _known.update(((scheduler.name, number), (now, True, None)) for number in numbers)
    _known.update(((scheduler.name, number), (now, True, job)) for number, job in answer.items())
    return answer


def cancel(ids: Iterable[str], scheduler: Optional[Scheduler] = None) -> str:
    """Cancel jobs of the scheduler; return its error message, or an empty text."""
    scheduler = scheduler or detect()
    try:
        if scheduler:
            scheduler.cancel(ids)
    except SchedulerError as error:
        return error.reason
    return ""


def is_over(job_id: str, cluster: str, restart: int) -> Optional[bool]:
    """Return whether a start of a job is over: the job has ended, was restarted since, or is no longer known.

    Parameters
    ----------
    job_id, cluster : str
        The job's number and cluster.
    restart : int
        How often the job had been requeued before this start.

    Returns
    -------
    bool or None
        None if it is not known.
    """
    mine = current_job()
    if mine and cluster and (mine.id, mine.cluster) == (job_id, cluster) and mine.restarts > restart:
        return True
    is_known, job = _find(job_id, cluster)
    if not is_known:
        return None
    return job is None or job.has_ended or job.restarts > restart


def ended(job_id: str, cluster: str) -> Optional[JobInfo]:
    """Return a job that has ended, if the scheduler still knows it."""
    job = _find(job_id, cluster)[1]
    return job if job and job.has_ended else None


def _find(job_id: str, cluster: str) -> Tuple[bool, Optional[JobInfo]]:
    """Return whether the scheduler of a cluster answered, and its job of this number if it knows it."""
    for scheduler in available() if cluster and job_id else ():
        answered, job = _look(scheduler, job_id)
        if answered and (job.cluster if job else scheduler.cluster(PATIENCE)) == cluster:
            return True, job
    return False, None


def may_start(job_id: str) -> bool:
    """Return whether a job is queued or runs; if the scheduler does not answer for long, return False."""
    scheduler = detect()
    if scheduler is None or not scheduler.is_job_id(job_id):
        return False
    answered, job = _look(scheduler, job_id)
    if answered:
        _silence.clear()
        return job is not None and not job.has_ended
    _silence.append(time.monotonic())
    return time.monotonic() - _silence[0] < SILENCE


def _look(scheduler: Scheduler, job_id: str) -> Tuple[bool, Optional[JobInfo]]:
    """Return whether a scheduler answered, and the job if it knows it."""
    if not scheduler.is_job_id(job_id):
        return False, None
    key, now = (scheduler.name, job_id), time.monotonic()
    asked, answered, job = _known.get(key, (float("-inf"), False, None))
    if now - asked < (FRESH if answered else REST):
        return answered, job
    if now - _unanswered.get(scheduler.name, float("-inf")) < REST:  # not one query for each of a thousand jobs
        return False, None
    answer = jobs([job_id], scheduler=scheduler)
    _known[key] = (time.monotonic(), answer is not None, (answer or {}).get(job_id))
    return _known[key][1:]
