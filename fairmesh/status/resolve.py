"""Resolve the state of a job from the evidence: its folder, the events of a run and the scheduler.

The evidence counts in this order: a result; the recorded end of an attempt, unless the run is to make another; proof
that a runner has ended; the status of a live runner; the scheduler; a request to cancel; the events. Clocks of
different hosts are never compared: an attempt belongs to a run by the run's uuid and the scheduler's job number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from fairmesh.runner.protocol import CANCELLED, DONE, ENDS, FAILED, LOST, QUEUED, RUNNING, STATES, WAITING
from fairmesh.schedulers import BAD_ENDS, JobInfo, JobState, state_of_word
from fairmesh.status.cache import NOTHING, Map
from fairmesh.status.events import FAILED as FAILED_EVENT
from fairmesh.status.events import JobEvents
from fairmesh.status.job_files import Facts
from fairmesh.status.model import RunStatus

GONE = "its runner was killed"
SILENT = "no sign of life; `fairmesh retry` starts it again"
NO_START = "its job ended before its program began; rule.log in its folder says why"


class State(NamedTuple):
    """A state and its reason."""

    state: str
    reason: str = ""


class Evidence(NamedTuple):
    """The evidence on one job.

    Parameters
    ----------
    facts : Facts
        The facts from its folder.
    events : JobEvents
        The events of the last run.
    own : JobInfo or None
        The scheduler's job in which its last attempt runs.
    coming : JobInfo or None
        The scheduler's job that will make the next attempt.
    run : RunStatus or None
        The last run.
    is_selected : bool
        Whether that run selected the job.
    blocked : str
        Why it cannot begin, such as a failed stage; empty if it can.
    last : mapping
        State, reason and attempt in a public copy of the results, which has no runs and claims.
    """

    facts: Facts
    events: JobEvents
    own: JobInfo | None = None
    coming: JobInfo | None = None
    run: RunStatus | None = None
    is_selected: bool = True
    blocked: str = ""
    last: Map = NOTHING

    @property
    def is_in_run(self) -> bool:
        """Whether an active run selected the job."""
        return self.run is not None and self.run.is_alive and self.is_selected

    @property
    def is_of_run(self) -> bool:
        """Whether the last attempt belongs to the last run and the job was not submitted again since."""
        again = self.events.job_id and self.facts.status.get("job_id") and self.events.is_open
        if again and _whole(self.events.job_id) != _whole(str(self.facts.status["job_id"])):
            return False
        return self.run is not None and self.facts.status.get("run") == self.run.uuid


def _whole(job_id: str) -> str:
    """Return a job number without the task number, which the runner and Snakemake write differently."""
    return job_id.partition("_")[0]


def resolve_state(evidence: Evidence) -> State:
    """Return the state of a job, and the reason."""
    return next(_candidate_states(evidence))


def _candidate_states(evidence: Evidence) -> Iterator[State]:
    """Yield the states that the evidence supports, the strongest first."""
    facts = evidence.facts
    if facts.good:
        yield State(DONE)
    if facts.claim:
        yield State(QUEUED, "its runner has begun")
    state = str(facts.status.get("state", ""))
    has_ended = facts.attempt > 0 and facts.is_over
    if (
        evidence.last.get("state") in STATES
        and evidence.run is None
        and facts.is_over
        and evidence.last.get("attempt") == facts.attempt
    ):
        yield State(evidence.last["state"], str(evidence.last.get("reason") or ""))
    if facts.attempt and not facts.is_over:
        yield from _unfinished(evidence, state)
    if has_ended and (evidence.is_of_run or not (evidence.is_in_run or evidence.coming)):
        yield _end(evidence, state)
    if facts.broken and not (evidence.is_in_run and evidence.events.is_open):
        yield State(FAILED, facts.broken)
    yield from _not_begun(evidence)
    yield State(WAITING, f"{state} before: {facts.status.get('reason') or 'no reason'}" if has_ended else "")


def _end(evidence: Evidence, state: str) -> State:
    """Return the end of an attempt that is over."""
    reason = str(evidence.facts.status.get("reason") or "")
    if evidence.facts.broken and state in {DONE, ""}:
        return State(FAILED, evidence.facts.broken)
    if state == DONE:
        return State(WAITING, "its result is gone; the next run makes it anew")
    if state in ENDS:
        return State(state, reason)
    return _from_scheduler(evidence.own) or State(LOST, GONE)


def _unfinished(evidence: Evidence, state: str) -> Iterator[State]:
    """Yield states of an attempt without an end whose runner is not known to have ended."""
    ended = _from_scheduler(evidence.own)
    if evidence.own is not None and evidence.own.has_ended:
        yield State(CANCELLED, evidence.facts.cancelled) if evidence.facts.cancelled else ended or State(LOST, GONE)
    if _is_silent(evidence):
        yield State(LOST, SILENT)
    if evidence.facts.cancelled:
        yield State(state if state in {QUEUED, RUNNING} else QUEUED, f"is being {evidence.facts.cancelled}")
    said = str(evidence.facts.status.get("reason") or evidence.facts.broken)
    yield State(state if state in {QUEUED, RUNNING} else QUEUED, said)


def _is_silent(evidence: Evidence) -> bool:
    """Return whether an unfinished attempt gives no sign of life; one on another machine goes on without its run."""
    status = evidence.facts.status
    if status.get("machine"):
        return status.get("is_silent") is True
    return bool(evidence.events.get(FAILED_EVENT)) and not evidence.events.is_open and evidence.is_of_run


def _not_begun(evidence: Evidence) -> Iterator[State]:
    """Yield states of a job whose next attempt has not started."""
    if evidence.facts.cancelled:
        yield State(CANCELLED, evidence.facts.cancelled)
    if evidence.run and evidence.run.cancelled and evidence.is_selected and not evidence.facts.attempt:
        yield State(CANCELLED, evidence.run.cancelled)
    if evidence.coming:
        yield _from_scheduler(evidence.coming) or State(QUEUED, _why_queued(evidence.coming))
    if evidence.is_in_run and evidence.events.is_open:
        yield State(QUEUED)
    failed = evidence.events.get(FAILED_EVENT)
    if failed and not evidence.events.is_open and (evidence.is_in_run or not evidence.facts.attempt):
        yield _from_message(failed.reason)
    if evidence.blocked:
        yield State(WAITING, evidence.blocked)
    if not evidence.is_selected and not evidence.facts.attempt:
        yield State(WAITING, "not selected in the last run")


_REPORTED = re.compile(r"(?:status is: '|ended as )([A-Z_]+)")  # messages of Snakemake's executor and of fairmesh's


def _from_scheduler(job: JobInfo | None) -> State | None:
    """Return the end that the scheduler reports, if it is a failure."""
    is_bad = job is not None and job.state in BAD_ENDS
    return State(job.state.value, f"the scheduler says {job.word}") if job and is_bad else None


def _from_message(reason: str) -> State:
    """Return the state in an executor's message about a job that failed before its program started."""
    said = _REPORTED.search(reason)
    state = state_of_word(said[1]) if said else None
    if said and state in BAD_ENDS:
        return State(state.value, f"the scheduler says {said[1]}")
    return State(FAILED, reason or NO_START)


def _why_queued(job: JobInfo) -> str:
    if job.state is JobState.PENDING:
        return f"job {job.id} waits: {job.reason}" if job.reason else f"job {job.id} waits"
    return f"its turn comes in job {job.id} on {job.node}" if job.node else f"its turn comes in job {job.id}"
