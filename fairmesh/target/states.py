"""The states of jobs on a machine, from their folders, their processes and the scheduler.

A job is lost only on proof: its process is gone, its host was rebooted, or the scheduler reports that it has ended.
"""

import os
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple

from ..runner import commit, jsonfiles, owner, protocol
from ..runner import scheduler as queue
from ..runner.claims import Claims
from ..runner.main import SILENCE
from ..runner.status import cancel_reason
from ..runner.text import last_lines
from ..schedulers import BAD_ENDS, JobInfo, JobState, find_scheduler
from .home import Home
from .starts import Start, Starts

ABSENT = "absent"
SETTLED = 60.0  # seconds until files of a job that has ended, and the job itself, must be visible here
GONE = "its runner was killed"
UNFINISHED = "its start was interrupted, and must be requested again"


class Query(NamedTuple):
    """A job whose state is wanted.

    Parameters
    ----------
    folder : str
        Its folder, relative to the home.
    path : str
        The same as an absolute path.
    fingerprint : str
        The fingerprint of its result.
    """

    folder: str
    path: str
    fingerprint: str


class Jobs(NamedTuple):
    """The jobs of schedulers, by number.

    Parameters
    ----------
    by_id : dict
        The known jobs, by scheduler and number.
    silent : dict
        By scheduler, why it does not answer.
    """

    by_id: Dict[Tuple[str, str], JobInfo]
    silent: Dict[str, str]


def states(home: Home, queries: Iterable[Query]) -> Tuple[Dict[str, Dict[str, Any]], str]:
    """Return the state of each job by folder, and why a scheduler does not answer, if so."""
    queries = list(queries)
    jobs = _ask_schedulers(queries)
    now = home.now()
    return {query.folder: state_of(query, jobs, now) for query in queries}, "; ".join(sorted(jobs.silent.values()))


def _ask_schedulers(queries: List[Query]) -> Jobs:
    """Query each scheduler once for all jobs that it knows; its answers count for owners of claims, too."""
    ids: Dict[str, List[str]] = {}
    for query in queries:
        start = _last_start(query.path)
        if start and start.job_id and _is_open(query, start.number):
            ids.setdefault(start.scheduler, []).append(start.job_id)
    jobs = Jobs({}, {})
    for name, numbers in ids.items():
        try:
            scheduler = find_scheduler(name)
        except LookupError as error:
            jobs.silent[name] = str(error)
            continue
        answer = queue.jobs(numbers, scheduler=scheduler)
        if answer is None:
            jobs.silent[name] = f"{scheduler.title} does not answer"
        jobs.by_id.update({(name, number): job for number, job in (answer or {}).items()})
    return jobs


def _last_start(path: str) -> Optional[Start]:
    starts = Starts(path)
    number = starts.highest()
    return starts.read(number) if number else None


def _is_open(query: Query, number: int) -> bool:
    """Return whether the end of an attempt is not recorded yet."""
    return (_status(query.path, number) or {}).get("state") not in protocol.ENDS


def _status(path: str, number: int) -> Optional[Dict[str, Any]]:
    return jsonfiles.read_map(os.path.join(Claims(path).attempt_folder(number), protocol.STATUS))


def state_of(query: Query, jobs: Jobs, now: float) -> Dict[str, Any]:
    """Return the state of one job."""
    claims, start = Claims(query.path), _last_start(query.path)
    claimed = claims.highest()
    number = max(claimed, start.number if start else 0)
    result = commit.read(query.path, query.fingerprint)
    if result is not None:
        attempt = int(result.get("attempt", 0))
        if number <= attempt or _is_settled(query, start, claimed, jobs, now):
            return _state(query, max(attempt, 1), protocol.DONE, is_committed=True, start=start)
    if not number:
        return _state(query, 0, ABSENT)
    if claimed >= number:
        return _of_attempt(query, number, start, jobs, now)
    return _of_start(query, start, jobs, now) if start else _state(query, number, protocol.QUEUED)


def _is_settled(query: Query, start: Optional[Start], claimed: int, jobs: Jobs, now: float) -> bool:
    """Return whether the last start, which is newer than the commit, has ended: then the commit counts."""
    if start is None or start.number <= claimed:
        return Claims(query.path).is_over(claimed)
    return bool(_of_start(query, start, jobs, now)["is_over"])


def _of_attempt(query: Query, number: int, start: Optional[Start], jobs: Jobs, now: float) -> Dict[str, Any]:
    """Return the state of a job whose last start has made a claim."""
    status = _status(query.path, number) or {}
    state = str(status.get("state", protocol.QUEUED))
    if state in protocol.ENDS:
        return _state(query, number, *_recorded_end(status), start=start)
    claims = Claims(query.path)
    is_alive = owner.is_alive(claims.holder(number)) if "pid" in claims.holder(number) else None
    job = _job_of(start, number, jobs)
    if is_alive is False or (is_alive is None and job is not None and job.has_ended):
        return _of_lost(query, number, start, job, now)
    reason = str(status.get("message") or "") if state == protocol.QUEUED else str(status.get("reason") or "")
    answer = _state(query, number, state if state in protocol.STATES else protocol.QUEUED, reason, start=start)
    if is_alive is None and now - _changed(query.path, number) > SILENCE:
        answer["is_silent"] = True
    return answer


def _of_lost(query: Query, number: int, start: Optional[Start], job: Optional[JobInfo], now: float) -> Dict[str, Any]:
    """Return the state of an attempt whose runner has ended; it may have written its end just before."""
    status = _status(query.path, number) or {}
    if commit.read(query.path, query.fingerprint):
        return _state(query, number, protocol.DONE, is_committed=True, start=start)
    if status.get("state") in protocol.ENDS:
        return _state(query, number, *_recorded_end(status), start=start)
    if job is not None and job.state in BAD_ENDS:
        return _state(query, number, job.state.value, f"the scheduler says {job.word}", start=start)
    return _state(query, number, protocol.LOST, GONE, start=start)


def _recorded_end(status: Dict[str, Any]) -> Tuple[str, str]:
    if status["state"] == protocol.DONE:
        return protocol.LOST, "its result is gone"
    return status["state"], str(status.get("reason") or "")


def _of_start(query: Query, start: Start, jobs: Jobs, now: float) -> Dict[str, Any]:
    """Return the state of a start that has not made its claim."""
    if start.refusal:
        return _state(query, start.number, protocol.FAILED, start.refusal, start=start)
    if start.scheduler != "none":
        state, reason = _of_submission(query, start, jobs, now)
    else:
        state, reason = _of_process(query, start)
    if state == protocol.LOST and Claims(query.path).highest() >= start.number:  # claimed in between
        return _of_attempt(query, start.number, start, jobs, now)
    return _state(query, start.number, state, reason, start=start)


def _of_process(query: Query, start: Start) -> Tuple[str, str]:
    if not start.process:
        return protocol.QUEUED, UNFINISHED
    if owner.is_alive(start.process) is not False:
        return protocol.QUEUED, "its job.sh prepares the start"
    cancelled = cancel_reason(query.path)
    return (protocol.CANCELLED, cancelled) if cancelled else (protocol.LOST, _no_start(query, start))


def _of_submission(query: Query, start: Start, jobs: Jobs, now: float) -> Tuple[str, str]:
    """Return the state of a job that was submitted to a scheduler."""
    if not start.job_id:
        return protocol.QUEUED, UNFINISHED
    job = _job_of(start, start.number, jobs)
    return _of_job(query, start, job, now) if job else _of_missing(query, start, jobs, now)


def _of_missing(query: Query, start: Start, jobs: Jobs, now: float) -> Tuple[str, str]:
    """Return the state of a job that the scheduler does not know: a new one may not be in the answer yet."""
    if start.scheduler in jobs.silent:
        return protocol.QUEUED, jobs.silent[start.scheduler]
    cancelled = cancel_reason(query.path)
    if cancelled:  # even if it is only not in the answer yet: its runner will read the request
        return protocol.CANCELLED, cancelled
    age = now - _mtime(Starts(query.path).file(start.number))
    return (protocol.QUEUED, "") if age < SETTLED else (protocol.LOST, _no_start(query, start))


def _of_job(query: Query, start: Start, job: JobInfo, now: float) -> Tuple[str, str]:
    if not job.has_ended:
        return protocol.QUEUED, _why_queued(job)
    if job.state in BAD_ENDS:
        cancelled = cancel_reason(query.path)
        is_cancelled = cancelled and job.state is JobState.CANCELLED
        return job.state.value, cancelled if is_cancelled else f"the scheduler says {job.word}"
    if not start.ended:
        Starts(query.path).update(start._replace(ended=now))
    if now - (start.ended or now) < SETTLED:
        return protocol.QUEUED, "its job has ended, and its files are not visible here yet"
    return protocol.LOST, _no_start(query, start)


def _why_queued(job: JobInfo) -> str:
    if job.state is JobState.PENDING:
        return f"job {job.id} waits: {job.reason}" if job.reason else f"job {job.id} waits"
    return "job {} prepares the start{}".format(job.id, " on " + job.node if job.node else "")


def _no_start(query: Query, start: Start) -> str:
    lines = last_lines(Starts(query.path).log(start.number), 1)
    return "its job.sh ended before its program began" + (f": {lines[0][:300]}" if lines else "")


def _job_of(start: Optional[Start], number: int, jobs: Jobs) -> Optional[JobInfo]:
    """Return the scheduler's job of a start, if it makes this attempt."""
    return jobs.by_id.get((start.scheduler, start.job_id)) if start and start.number <= number else None


def _changed(path: str, number: int) -> float:
    """Return when an attempt last wrote its status or claim."""
    attempt = Claims(path).attempt_folder(number)
    files = (os.path.join(attempt, protocol.STATUS), os.path.join(path, protocol.CLAIMS, str(number)))
    return max(map(_mtime, files))


def _mtime(path: str) -> float:
    try:
        return os.lstat(path).st_mtime
    except OSError:
        return 0.0


def _state(
    query: Query,
    number: int,
    state: str,
    reason: str = "",
    is_committed: bool = False,
    start: Optional[Start] = None,
) -> Dict[str, Any]:
    claim = Claims(query.path).holder(number) if number else {}
    status = _status(query.path, number) if number else None
    job_id = str((status or {}).get("job_id") or (start.job_id if start and start.number <= number else ""))
    return {
        "number": number,
        "state": state,
        "reason": reason,
        "job_id": job_id,
        "is_over": state in protocol.ENDS,
        "is_committed": is_committed,
        "is_silent": False,
        "needs_start": reason == UNFINISHED,
        "status": status,
        "claim": claim or None,
    }


def find_job(start: Start) -> Optional[JobInfo]:
    """Return the scheduler's job of a start whose number is not known, None if there is none.

    Raises
    ------
    SchedulerError
        If the scheduler does not answer.
    """
    jobs = find_scheduler(start.scheduler).jobs(name=start.job_name)
    known = sorted(jobs.values(), key=lambda job: (job.has_ended, job.id))
    return known[0] if known else None
