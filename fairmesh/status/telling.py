"""Tells how jobs stand, and says the same again as long as it knows nothing new of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

from fairmesh.jobs.attempts import BAD_ENDS
from fairmesh.printing import one_line
from fairmesh.runner import protocol
from fairmesh.status import times
from fairmesh.status.facts import Facts
from fairmesh.status.fold import Evidence, resolve_state
from fairmesh.status.found import TrackedJob
from fairmesh.status.model import JobStatus, RunStatus
from fairmesh.status.news import NO_EVENTS, JobEvents, Name
from fairmesh.status.queue import Queue

JobSnapshot = tuple[Evidence, JobStatus]
"""How a job was told to stand, and on which grounds."""


class StatusBuilder:
    """Tells how the jobs of a study stand.

    Parameters
    ----------
    queue : Queue
        The scheduler's jobs.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._run: RunStatus | None = None
        self._now = ""
        self._news: Mapping[Name, JobEvents] = {}
        self._told: dict[TrackedJob, JobSnapshot] = {}

    def tell(
        self,
        stages: Sequence[TrackedJob],
        experiments: Iterable[TrackedJob],
        run: RunStatus | None,
        news: Mapping[Name, JobEvents],
        now: str,
    ) -> tuple[tuple[JobStatus, ...], tuple[JobStatus, ...]]:
        """Return how stages and experiments stand.

        Parameters
        ----------
        stages, experiments : iterable of TrackedJob
            What their files say; stages before those that need them.
        run : RunStatus or None
            The last run.
        news : mapping
            What its events say.
        now : str
            This moment.
        """
        self._run = self._run if run == self._run else run
        self._news, self._now = news, now
        blocking: dict[str, str] = {}
        told_stages = tuple([self._tell_stage(each, blocking) for each in stages])
        told = tuple([self._tell(each, blocking) for each in experiments])
        if len(self._told) > 2 * (len(told_stages) + len(told)):  # of plans that are no more
            self._told = {}
        return told_stages, told

    def _tell_stage(self, found: TrackedJob, blocking: dict[str, str]) -> JobStatus:
        """Tell how a stage stands, and add what to say of those that need it if it failed, or cannot begin."""
        stage = self._tell(found, blocking)
        if stage.state in BAD_ENDS:
            name = found.id.removesuffix(f"-{found.key}")
            blocking[found.fingerprint] = f"its stage {name} {stage.state}: {stage.reason or 'no reason'}"
        elif stage.is_blocked:
            blocking[found.fingerprint] = stage.reason
        return stage

    def _tell(self, found: TrackedJob, blocking: Mapping[str, str]) -> JobStatus:
        facts, news = found.judge(), self._news.get(found.name, NO_EVENTS)
        known = self._told.get(found)
        if known and facts.good and _is_same(known[0], facts, news, self._run) and known[1].point is found.point:
            return known[1]
        own, coming = self._queue.of(found.key, facts, news)
        blocked = _blocked(found.point, blocking) if blocking else ""
        witnesses = Evidence(
            facts, news, own, coming, self._run, found.is_selected, blocked, found.point.get("last") or {}
        )
        if known and known[0] == witnesses and known[1].point is found.point:
            status = self._pass_time(*known)
        else:
            status = self._describe(found, witnesses)
        self._told[found] = (witnesses, status)
        return status

    def _pass_time(self, of: Evidence, before: JobStatus) -> JobStatus:
        """Return how a job stands of which nothing new is known."""
        if before.state in protocol.ENDS:
            return before
        seconds = times.in_states(before.state, of.facts, of.news, of.run, self._now)
        return before if seconds == before.seconds else before.after(seconds)

    def _describe(self, found: TrackedJob, of: Evidence) -> JobStatus:
        facts, news, coming = of.facts, of.news, of.coming
        state, reason = resolve_state(of)
        status = facts.status
        return JobStatus(
            kind=found.kind,
            machine=found.machine,
            id=found.id,
            key=found.key,
            state=state,
            reason=one_line(reason),
            progress=100 if state == protocol.DONE else _whole(status.get("progress")) if facts.attempt else 0,
            message=one_line(str(status.get("message") or "")),
            host=one_line(str(status.get("node") or status.get("host") or (coming.node if coming else ""))),
            job_id=coming.id if coming else one_line(str(status.get("job_id") or news.job_id)),
            attempt=facts.attempt,
            run=str(facts.good.get("run") or status.get("run") or ""),
            started=str(facts.good.get("started") or status.get("started") or ""),
            ended=str(facts.good.get("ended") or status.get("ended") or ""),
            seconds=times.in_states(state, facts, news, of.run, self._now),
            energy=_joules(facts.good.get("usage")),
            is_selected=of.is_selected,
            is_blocked=bool(of.blocked) and reason == of.blocked,
            folder=found.folder,
            point=found.point,
        )


def _is_same(of: Evidence, facts: Facts, news: JobEvents, run: RunStatus | None) -> bool:
    """Return whether nothing new is known of a job that has a result: of that, no one else is asked."""
    return of.facts is facts and of.news is news and of.run is run


def _blocked(point: Mapping[str, Any], blocking: Mapping[str, str]) -> str:
    return next((blocking[need] for need in (point.get("stages") or {}).values() if need in blocking), "")


def _whole(value: Any) -> int:
    return int(min(100, max(0, value))) if isinstance(value, int | float) else 0


def _joules(usage: Any) -> float | None:
    found = usage.get("energy_j") if isinstance(usage, dict) else None
    return float(found) if isinstance(found, int | float) and isfinite(found) else None
