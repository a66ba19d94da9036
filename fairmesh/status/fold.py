"""One truth of several witnesses: what a job folder, a run's events and the scheduler say of one job.

Their words count in this order: a result; the end that an attempt said, unless the run is to make another; proof that
a runner is gone; what a living runner says; the scheduler; a person's wish; the events. Clocks of different hosts are
never compared: whether an attempt belongs to a run is told by the run's uuid and the scheduler's number of the job.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from fairmesh.runner.protocol import CANCELLED, DONE, ENDS, FAILED, LOST, QUEUED, RUNNING, STATES, WAITING
from fairmesh.schedulers import BAD_ENDS, JobInfo, JobState, state_of_word
from fairmesh.status.facts import Facts
from fairmesh.status.memo import NOTHING, Map
from fairmesh.status.model import RunStatus
from fairmesh.status.news import FAILED as FAILED_EVENT
from fairmesh.status.news import JobEvents

GONE = "its runner was killed"
SILENT = "no sign of life; `fairmesh retry` starts it again"
NO_START = "its job ended before its program began; rule.log in its folder says why"


class State(NamedTuple):
    """A state, and why."""

    state: str
    reason: str = ""


class Evidence(NamedTuple):
    """What is known of one job.

    Parameters
    ----------
    facts : Facts
        What its folder says.
    news : JobEvents
        What the last run's events say.
    own : JobInfo or None
        The scheduler's job in which its last attempt runs.
    coming : JobInfo or None
        The scheduler's job that is to make the next attempt, unless it has done its work.
    run : RunStatus or None
        The last run.
    is_selected : bool
        Whether that run is about it.
    blocked : str
        Why it cannot begin: a stage that it needs has failed; empty if it can.
    last : mapping
        State, reason and attempt as they were when the results were copied for others, without runs and claims.
    """

    facts: Facts
    news: JobEvents
    own: JobInfo | None = None
    coming: JobInfo | None = None
    run: RunStatus | None = None
    is_selected: bool = True
    blocked: str = ""
    last: Map = NOTHING

    @property
    def is_in_run(self) -> bool:
        """Whether a run goes on that is about it."""
        return self.run is not None and self.run.is_alive and self.is_selected

    @property
    def is_of_run(self) -> bool:
        """Whether the last attempt belongs to the last run, and that has not been handed out again since."""
        again = self.news.job_id and self.facts.status.get("job_id") and self.news.is_open
        if again and _whole(self.news.job_id) != _whole(str(self.facts.status["job_id"])):
            return False
        return self.run is not None and self.facts.status.get("run") == self.run.uuid


def _whole(job_id: str) -> str:
    """Return the number of a job without that of its task in an array, which runner and Snakemake name differently."""
    return job_id.partition("_")[0]


def resolve_state(of: Evidence) -> State:
    """Return the state of a job, and the reason."""
    return next(_candidate_states(of))


def _candidate_states(of: Evidence) -> Iterator[State]:
    """Yield the states that the witnesses speak for, the one that counts first."""
    facts = of.facts
    if facts.good:
        yield State(DONE)
    if facts.claim:
        yield State(QUEUED, "its runner has begun")
    state = str(facts.status.get("state", ""))
    has_ended = facts.attempt > 0 and facts.is_over
    if of.last.get("state") in STATES and of.run is None and facts.is_over and of.last.get("attempt") == facts.attempt:
        yield State(of.last["state"], str(of.last.get("reason") or ""))
    if facts.attempt and not facts.is_over:
        yield from _unfinished(of, state)
    if has_ended and (of.is_of_run or not (of.is_in_run or of.coming)):
        yield _end(of, state)
    if facts.broken and not (of.is_in_run and of.news.is_open):
        yield State(FAILED, facts.broken)
    yield from _not_begun(of)
    yield State(WAITING, f"{state} before: {facts.status.get('reason') or 'no reason'}" if has_ended else "")


def _end(of: Evidence, state: str) -> State:
    """Return the end of an attempt that is over."""
    reason = str(of.facts.status.get("reason") or "")
    if of.facts.broken and state in {DONE, ""}:
        return State(FAILED, of.facts.broken)
    if state == DONE:
        return State(WAITING, "its result is gone; the next run makes it anew")
    if state in ENDS:
        return State(state, reason)
    return _by_scheduler(of.own) or State(LOST, GONE)


def _unfinished(of: Evidence, state: str) -> Iterator[State]:
    """Judge an attempt that said no end, and whose runner is not proven to be gone from here."""
    ended = _by_scheduler(of.own)
    if of.own is not None and of.own.has_ended:
        yield State(CANCELLED, of.facts.cancelled) if of.facts.cancelled else ended or State(LOST, GONE)
    if of.news.get(FAILED_EVENT) and not of.news.is_open and of.is_of_run:
        yield State(LOST, SILENT)
    if of.facts.cancelled:
        yield State(state if state in {QUEUED, RUNNING} else QUEUED, f"is being {of.facts.cancelled}")
    said = str(of.facts.status.get("reason") or of.facts.broken)
    yield State(state if state in {QUEUED, RUNNING} else QUEUED, said)


def _not_begun(of: Evidence) -> Iterator[State]:
    """Judge a job whose next attempt has not begun."""
    if of.facts.cancelled:
        yield State(CANCELLED, of.facts.cancelled)
    if of.run and of.run.cancelled and of.is_selected and not of.facts.attempt:
        yield State(CANCELLED, of.run.cancelled)
    if of.coming:
        yield _by_scheduler(of.coming) or State(QUEUED, _why_queued(of.coming))
    if of.is_in_run and of.news.is_open:
        yield State(QUEUED)
    failed = of.news.get(FAILED_EVENT)
    if failed and not of.news.is_open and (of.is_in_run or not of.facts.attempt):
        yield _by_words(failed.reason)
    if of.blocked:
        yield State(WAITING, of.blocked)
    if not of.is_selected and not of.facts.attempt:
        yield State(WAITING, "not selected in the last run")


_SAID = re.compile(r"(?:status is: '|ended as )([A-Z_]+)")  # the words of Snakemake's own executor, and of ours


def _by_scheduler(job: JobInfo | None) -> State | None:
    """Return the end that the scheduler tells of, if it is a bad one."""
    is_bad = job is not None and job.state in BAD_ENDS
    return State(job.state.value, f"the scheduler says {job.word}") if job and is_bad else None


def _by_words(reason: str) -> State:
    """Read what an executor said of a job that failed before its program began."""
    said = _SAID.search(reason)
    state = state_of_word(said[1]) if said else None
    if said and state in BAD_ENDS:
        return State(state.value, f"the scheduler says {said[1]}")
    return State(FAILED, reason or NO_START)


def _why_queued(job: JobInfo) -> str:
    if job.state is JobState.PENDING:
        return f"job {job.id} waits: {job.reason}" if job.reason else f"job {job.id} waits"
    return f"its turn comes in job {job.id} on {job.node}" if job.node else f"its turn comes in job {job.id}"
