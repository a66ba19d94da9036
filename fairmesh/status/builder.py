"""Build the statuses of a study's jobs, reusing those whose evidence has not changed."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.printing import one_line
from fairmesh.runner import protocol
from fairmesh.runner.protocol import DONE, ENDS, QUEUED, RUNNING, WAITING
from fairmesh.status.events import NO_EVENTS, SUBMITTED, JobEvents, Name
from fairmesh.status.events import QUEUED as QUEUED_EVENT
from fairmesh.status.job_files import Facts, TrackedJob
from fairmesh.status.model import JobStatus, RunStatus, progress, seconds_between
from fairmesh.status.queue import Queue
from fairmesh.status.resolve import Evidence, resolve_state

JobSnapshot = tuple[Evidence, JobStatus]
"""The evidence on a job, and the status derived from it."""


class StatusBuilder:
    """Builds the statuses of a study's jobs.

    Parameters
    ----------
    queue : Queue
        The scheduler's jobs.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._run: RunStatus | None = None
        self._now = ""
        self._events: Mapping[Name, JobEvents] = {}
        self._snapshots: dict[TrackedJob, JobSnapshot] = {}

    def build(
        self,
        stages: Sequence[TrackedJob],
        experiments: Iterable[TrackedJob],
        run: RunStatus | None,
        events: Mapping[Name, JobEvents],
        now: str,
    ) -> tuple[tuple[JobStatus, ...], tuple[JobStatus, ...]]:
        """Return the statuses of stages and experiments.

        Parameters
        ----------
        stages, experiments : iterable of TrackedJob
            The jobs with the facts of their files; stages come before those that need them.
        run : RunStatus or None
            The last run.
        events : mapping
            The events of the run, by job.
        now : str
            The current time.
        """
        self._run = self._run if run == self._run else run
        self._events, self._now = events, now
        blocking: dict[str, str] = {}
        stage_statuses = tuple([self._build_stage(stage, blocking) for stage in stages])
        experiment_statuses = tuple([self._build(job, blocking) for job in experiments])
        if len(self._snapshots) > 2 * (len(stage_statuses) + len(experiment_statuses)):  # of earlier plans
            self._snapshots = {}
        return stage_statuses, experiment_statuses

    def _build_stage(self, job: TrackedJob, blocking: dict[str, str]) -> JobStatus:
        """Return the status of a stage; if it blocks others, add the reason to ``blocking``."""
        stage = self._build(job, blocking)
        if stage.state in BAD_ENDS:
            name = job.id.removesuffix(f"-{job.key}")
            blocking[job.fingerprint] = f"its stage {name} {stage.state}: {stage.reason or 'no reason'}"
        elif stage.is_blocked:
            blocking[job.fingerprint] = stage.reason
        return stage

    def _build(self, job: TrackedJob, blocking: Mapping[str, str]) -> JobStatus:
        facts, events = job.judge(), self._events.get(job.name, NO_EVENTS)
        known = self._snapshots.get(job)
        if known and (known[1].point is not job.point or known[1].name != job.label):
            known = None
        if known and facts.good and _is_same(known[0], facts, events, self._run):
            return known[1]
        current, coming = self._queue.of(job.key, facts, events)
        blocked = _blocked(job.point, blocking) if blocking else ""
        evidence = Evidence(
            facts, events, current, coming, self._run, job.is_selected, blocked, job.point.get("last") or {}
        )
        is_known = known is not None and known[0] == evidence
        status = self._update_times(*known) if known and is_known else self._new_status(job, evidence)
        self._snapshots[job] = (evidence, status)
        return status

    def _update_times(self, evidence: Evidence, before: JobStatus) -> JobStatus:
        """Return the status of a job whose evidence is unchanged, with its times updated."""
        if before.state in protocol.ENDS:
            return before
        seconds = in_states(before.state, evidence.facts, evidence.events, evidence.run, self._now)
        return before if seconds == before.seconds else before.after(seconds)

    def _new_status(self, job: TrackedJob, evidence: Evidence) -> JobStatus:
        facts, events, coming = evidence.facts, evidence.events, evidence.coming
        state, reason = resolve_state(evidence)
        status = facts.status
        return JobStatus(
            kind=job.kind,
            machine=job.machine,
            id=job.id,
            key=job.key,
            state=state,
            reason=one_line(reason),
            progress=100 if state == protocol.DONE else _whole(status.get("progress")) if facts.attempt else 0,
            message=one_line(str(status.get("message") or "")),
            host=one_line(str(status.get("node") or status.get("host") or (coming.node if coming else ""))),
            job_id=coming.id if coming else one_line(str(status.get("job_id") or events.job_id)),
            attempt=facts.attempt,
            run=str(facts.good.get("run") or status.get("run") or ""),
            started=str(facts.good.get("started") or status.get("started") or ""),
            ended=str(facts.good.get("ended") or status.get("ended") or ""),
            seconds=in_states(state, facts, events, evidence.run, self._now),
            energy=_joules(facts.good.get("usage")),
            metrics=_metric_values(facts.good.get("metrics") or {}),
            name=job.label,
            is_selected=evidence.is_selected,
            is_blocked=bool(evidence.blocked) and reason == evidence.blocked,
            folder=job.folder,
            point=job.point,
        )


def _is_same(evidence: Evidence, facts: Facts, events: JobEvents, run: RunStatus | None) -> bool:
    """Return whether the evidence on a job with a result is unchanged; the scheduler is not considered."""
    return evidence.facts is facts and evidence.events is events and evidence.run is run


def _blocked(point: Mapping[str, Any], blocking: Mapping[str, str]) -> str:
    return next((blocking[need] for need in (point.get("stages") or {}).values() if need in blocking), "")


def _whole(value: Any) -> int:
    return int(min(100, max(0, value))) if isinstance(value, int | float) else 0


def _joules(usage: Any) -> float | None:
    energy = usage.get("energy_j") if isinstance(usage, dict) else None
    return float(energy) if isinstance(energy, int | float) and isfinite(energy) else None


def _metric_values(measured: Mapping[str, Any]) -> dict[str, float]:
    """Return the values of the metrics of a record, which is valid."""
    return {name: value["value"] if isinstance(value, dict) else value for name, value in measured.items()}


HOST = os.uname()[1]


def in_states(state: str, facts: Facts, events: JobEvents, run: RunStatus | None, now: str) -> dict[str, float]:
    """Return the known seconds that a job has spent waiting, queued and running.

    Parameters
    ----------
    state : str
        Its state.
    facts, events, run : Facts, JobEvents, RunStatus or None
        The evidence on the job.
    now : str
        The current time, by the clock of this host.
    """
    if not (events or facts.attempt or facts.good):
        is_to_come = run is not None and run.is_alive and state == WAITING
        return {WAITING: seconds_between(run.started, now)} if run and is_to_come else {}
    seconds: dict[str, float] = {}
    started = str(facts.good.get("started") or facts.status.get("started") or "")
    handed_out = (events.get(SUBMITTED) or events.get(QUEUED_EVENT) or (run.started if run else "",))[0]
    if run and events:
        seconds[WAITING] = seconds_between(run.started, handed_out)
        if state == QUEUED or started:
            seconds[QUEUED] = seconds_between(handed_out, started if state != QUEUED else now)
    elif run and run.is_alive and state == WAITING:
        seconds[WAITING] = seconds_between(run.started, now)
    if started and state in {RUNNING, *ENDS}:
        seconds[RUNNING] = seconds_between(started, _until(state, facts, now))
    return seconds


def _until(state: str, facts: Facts, now: str) -> str:
    """Return the time when a job stopped running, or the last known time by the clock of its host."""
    if state == DONE:
        return str(facts.good.get("ended") or "")
    if state == RUNNING and facts.status.get("host") == HOST:
        return now
    return str(facts.status.get("ended") or facts.status.get("updated") or "")


def remaining_seconds(run: RunStatus | None, experiments: Sequence[JobStatus], now: str) -> float | None:
    """Return the estimated remaining seconds of a run, from its speed so far; None if unknown."""
    if run is None or not run.is_alive:
        return None
    selected = tuple(job for job in experiments if job.is_selected and not (job.state == DONE and job.run != run.uuid))
    behind = progress(selected)
    passed = seconds_between(run.started, now)
    return round(passed * (1 - behind) / behind, 1) if behind and passed else None
