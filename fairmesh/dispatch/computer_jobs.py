"""The jobs on one computer: poll, start, cancel and fetch them, in batches."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from fairmesh.dispatch import mirror
from fairmesh.dispatch.answers import RemoteState
from fairmesh.dispatch.backoff import Health
from fairmesh.dispatch.client import TargetClient
from fairmesh.dispatch.fetching import Fetch, Fetcher
from fairmesh.dispatch.machine_context import MachineContext
from fairmesh.dispatch.mirror import RemotePlace
from fairmesh.dispatch.open_job import FETCHING, STARTING, OpenJob, Step
from fairmesh.dispatch.stage_copies import StageCopies
from fairmesh.dispatch.upload import Upload
from fairmesh.errors import FairmeshError
from fairmesh.machines.computers import Computer
from fairmesh.machines.transport import RefusedError, RequestError, UnreachableError
from fairmesh.runner import protocol
from fairmesh.runner.status import write_end

SHORTEST, LONGEST_PAUSE = 1.0, 12.0  # seconds between two polls: an end is noticed within 20 s
SOON = 0.7  # seconds between two polls if a job was added
SHARE = 0.15  # of the time since the last change that passes until the next poll: short jobs are polled often
VANISHING = 30.0  # seconds in which it becomes known that a rented computer is gone
PARTIAL = 300.0  # seconds between two copies of what running attempts on rented computers have written
STARTS, FETCHES = 200, 50  # jobs in one request
SILENT = "no sign of life; `fairmesh retry` starts it again"
_Item = TypeVar("_Item")
_PROBLEMS = (UnreachableError, RefusedError, RequestError)


class ComputerJobs:
    """The jobs on one computer.

    Parameters
    ----------
    computer : Computer
        The computer.
    context : MachineContext
        What is the same for all computers of the machine.

    Attributes
    ----------
    health : Health
        Whether it answers.
    polls : int
        How often it has answered a poll.
    last_seen : float
        When it answered last, in seconds of the epoch; 0 if it never did.
    """

    def __init__(self, computer: Computer, context: MachineContext) -> None:
        self._context = context
        self.health = Health(context.patience)
        self.use(computer)
        self._jobs: list[OpenJob] = []
        self._lock = threading.Lock()
        self._is_known: set[str] = set()
        self._changed, self._next_poll, self._next_copy = time.monotonic(), 0.0, time.monotonic() + PARTIAL
        self._last_poll = -SOON
        self.polls = 0
        self.last_seen = 0.0
        self._stage_copies = StageCopies(context.machine, context.rsync)

    def use(self, computer: Computer) -> None:
        """Use this computer from now on: the same one, perhaps at another address or with another end."""
        context = self._context
        self.computer = computer
        self._client = TargetClient(computer.transport, context.home, context.results, context.timeout)
        beside = context.study / f"fetched-{context.machine}-{computer.name or 'host'}"
        self._fetcher = Fetcher(self._client, context.results, beside, context.machine)

    @property
    def jobs(self) -> list[OpenJob]:
        """The open jobs."""
        with self._lock:
            return list(self._jobs)

    def add(self, job: OpenJob) -> None:
        """Add a job."""
        with self._lock:
            self._jobs.append(job)
        self._next_poll = min(self._next_poll, self._last_poll + SOON)

    def take_all(self) -> list[OpenJob]:
        """Remove and return all jobs: the computer is gone."""
        with self._lock:
            jobs, self._jobs = self._jobs, []
        return jobs

    def _remove(self, job: OpenJob) -> bool:
        """Remove a job; return whether it was open."""
        with self._lock:
            is_open = job in self._jobs
            if is_open:
                self._jobs.remove(job)
        return is_open

    @property
    def problem(self) -> str:
        """The problem of the computer, or of one of its jobs."""
        return self.health.reason or next((job.problem for job in self.jobs if job.problem), "")

    @property
    def warning(self) -> str:
        """What the user should know; empty if there is nothing."""
        return self._stage_copies.warning

    def poll_soon(self) -> None:
        """Poll at the next step, since something has changed here."""
        self._next_poll = min(self._next_poll, self._last_poll + SOON)

    @property
    def is_due(self) -> bool:
        """Whether there is something to do now."""
        return bool(self.jobs) and self.health.is_due and time.monotonic() >= self._next_poll

    def step(self) -> None:
        """Poll all jobs, and do what their states require; a problem of the computer is noted."""
        self._last_poll = time.monotonic()
        try:
            jobs = self.jobs
            has_changed = self._poll(jobs)
            self._cancel(jobs)
            has_changed |= self._advance([job for job in jobs if time.monotonic() >= job.held_until])
            self.health.succeed()
            self._set_next_poll(has_changed)
        except _PROBLEMS as error:
            self.health.fail(error)
        except OSError as error:
            self.health.fail(RequestError(f"results cannot be written here: {error.filename or ''}: {error.strerror}"))

    def _set_next_poll(self, has_changed: bool) -> None:
        now = time.monotonic()
        self._changed = now if has_changed else self._changed
        self._next_poll = now + min(LONGEST_PAUSE, max(SHORTEST, SHARE * (now - self._changed)))

    def _poll(self, jobs: Sequence[OpenJob]) -> bool:
        """Ask for the states of all jobs, and mirror them; return whether any has changed."""
        states = self._client.poll({job.folder: job.job.fingerprint for job in jobs})
        self.polls, self.last_seen = self.polls + 1, time.time()
        before = [_essence(job.state) for job in jobs]
        for job in jobs:
            self._set_state(job, states[job.folder])
        return before != [_essence(job.state) for job in jobs]

    def _set_state(self, job: OpenJob, state: RemoteState) -> None:
        job.state = state
        mirror.mirror(job.paths, state, self._context.machine, job.job.fingerprint)

    def _cancel(self, jobs: Sequence[OpenJob]) -> None:
        """Forward requests to cancel jobs that are not over."""
        asked: dict[str, list[OpenJob]] = {}
        for job in jobs:
            who = "" if job.is_cancelled or job.state.is_over else self._context.cancel_reason(job)
            if who:
                asked.setdefault(_name_in(who), []).append(job)
        for who, those in asked.items():
            self._client.cancel([job.folder for job in those], who)
            for job in those:
                job.is_cancelled = True

    def _advance(self, jobs: Sequence[OpenJob]) -> bool:
        """Do the next step of each job; return whether any was needed."""
        steps = {job: self._next_step(job) for job in jobs}
        for job in [job for job in jobs if steps[job] is Step.REPORT_LOST]:
            self._report_lost(job)
        self._fetch([job for job in jobs if steps[job] in FETCHING], steps)
        starting = [job for job in jobs if steps[job] in STARTING]
        self._start([job for job in starting if not job.held_until], steps)
        self._copy_running([job for job in jobs if steps[job] is Step.WAIT])
        return any(step is not Step.WAIT for step in steps.values())

    def _next_step(self, job: OpenJob) -> Step:
        """Return the next step of a job; on a rented computer, an end from outside may be that of the computer."""
        job.held_until = 0.0
        step = job.next_step()
        if step is not Step.REPORT_FAILURE or not self.computer.name or not job.was_ended_from_outside:
            return step
        job.ended = job.ended or time.monotonic()
        return Step.WAIT if time.monotonic() - job.ended < VANISHING else step

    # Start

    def _start(self, jobs: Sequence[OpenJob], steps: Mapping[OpenJob, Step]) -> None:
        for job in jobs:
            reason = self._context.cancel_reason(job)
            if reason:
                self._finish(job, f"fairmesh: {job.name} {protocol.CANCELLED}: {reason}")
        self._store_needs(self._open(jobs))
        for batch in _batches(self._open(jobs), STARTS):
            self._start_batch(batch, steps)

    def _open(self, jobs: Sequence[OpenJob]) -> list[OpenJob]:
        """Return those of some jobs that are open still."""
        known = set(self.jobs)
        return [job for job in jobs if job in known]

    def _start_batch(self, jobs: Sequence[OpenJob], steps: Mapping[OpenJob, Step]) -> None:
        upload = Upload(self._context.results)
        for job in jobs:
            self._prepare(job, upload, is_repeated=steps[job] is Step.REPEAT_START)
        self._client.store(upload)
        states = self._client.start([self._start_request(job) for job in jobs])
        for job in jobs:
            self._set_state(job, states[job.folder])
            self._note_start(job)

    def _prepare(self, job: OpenJob, upload: Upload, is_repeated: bool) -> None:
        """Choose the number of the attempt, note where it starts, and add the inputs of the job."""
        job.started = job.state.number if is_repeated else job.next_number()
        job.remember(self._context.machine, self._context.results)
        upload.add_job(job.paths)
        if job.is_given_up:
            upload.add_end(job.paths, job.state.number)
        if not is_repeated:
            upload.add_attempts(job.paths, job.attempts_only_here())

    def _start_request(self, job: OpenJob) -> dict[str, Any]:
        return {
            "folder": job.folder,
            "number": job.started,
            "fingerprint": job.job.fingerprint,
            "force": job.is_to_force,
            "run": self._context.run,
            "resources": dict(job.job.resources),
            "exclusive": job.job.is_exclusive,
            "name": job.job.key,
            "scheduler": self._context.scheduler,
        }

    def _note_start(self, job: OpenJob) -> None:
        if job.state.problem:
            job.hold(job.state.problem, job.state.is_refused)
        else:
            job.release()

    def _store_needs(self, jobs: Sequence[OpenJob]) -> None:
        """Store the stages and the applications of jobs that the computer does not have; once each."""
        stages = {self._client.relative(stage.paths.folder): stage for job in jobs for stage in job.job.stages}
        applications = {job.job.application.target: job.job.application for job in jobs if job.job.application}
        unknown = (stages.keys() | applications.keys()) - self._is_known
        if not unknown:
            return
        wanted = [stage for folder, stage in stages.items() if folder in unknown]
        self._is_known |= self._client.stored(sorted(applications.keys() & unknown), wanted)
        for folder in sorted(unknown - self._is_known):
            upload = Upload(self._context.results)
            try:
                if folder in stages:
                    upload.add_stage(stages[folder])
                else:
                    upload.add_application(applications[folder])
            except FairmeshError as error:
                self._give_up(folder, jobs, str(error))
                continue
            if folder in stages:
                self._stage_copies.store(self._client, folder, upload)
            else:
                self._client.store(upload)
            self._is_known.add(folder)

    def _give_up(self, folder: str, jobs: Iterable[OpenJob], problem: str) -> None:
        """Fail the jobs that need something that is not complete here."""
        for job in jobs:
            needs = {self._client.relative(stage.paths.folder) for stage in job.job.stages}
            needs |= {job.job.application.target} if job.job.application else set()
            if folder in needs and job in self.jobs:
                self._finish(job, f"fairmesh: {job.name} {protocol.FAILED}: {problem}")

    # Fetch

    def _fetch(self, jobs: Sequence[OpenJob], steps: Mapping[OpenJob, Step]) -> None:
        for is_committed in (True, False):
            those = [job for job in jobs if (steps[job] is Step.FETCH) is is_committed]
            for batch in _batches(those, FETCHES):
                self._fetch_batch(batch)
        for job in jobs:
            if not job.held_until and steps[job] is not Step.FETCH_AND_START:
                self._finish(job, "" if steps[job] is Step.FETCH else job.failure())

    def _fetch_batch(self, jobs: Sequence[OpenJob]) -> None:
        """Fetch several jobs; if that fails, one after another, so that one bad job does not hold up the others."""
        try:
            self._fetcher.fetch([_to_fetch(job) for job in jobs])
            for job in jobs:
                job.release()
        except (RefusedError, RequestError) as error:
            if len(jobs) == 1:
                jobs[0].hold(str(error), isinstance(error, RefusedError))
                return
            for job in jobs:
                self._fetch_batch([job])

    def _copy_running(self, jobs: Sequence[OpenJob]) -> None:
        """Copy what running attempts on a computer that can vanish have written, from time to time."""
        if not self.computer.name or time.monotonic() < self._next_copy:
            return
        self._next_copy = time.monotonic() + PARTIAL
        running = [job for job in jobs if job.state.has_begun]
        if running:
            self._fetcher.fetch_running([_to_fetch(job) for job in running])

    def _report_lost(self, job: OpenJob) -> None:
        """Report an attempt without a sign of life, which may come back, or one whose folder is gone."""
        if job.state.is_silent:
            self._finish(job, f"fairmesh: {job.name} {protocol.LOST}: {SILENT}", is_over=False)
            return
        place = RemotePlace.read(job.paths)
        if place:
            write_end(str(job.paths.folder), place.number, protocol.LOST, f"its folder is gone on {self._client.host}")
        self._finish(job, f"fairmesh: {job.name} {protocol.LOST}: its folder is gone on {self._client.host}")

    def _finish(self, job: OpenJob, problem: str, is_over: bool = True) -> None:
        if is_over:
            RemotePlace.remove(job.paths)
        if self._remove(job):
            self._context.answer(job, problem)


def _essence(state: RemoteState) -> tuple[Any, ...]:
    """Return what makes another poll soon worthwhile if it changes."""
    return state.number, state.state, state.is_committed, state.status.get("progress"), state.status.get("message")


def _name_in(reason: str) -> str:
    """Return who has cancelled a job; the machine adds the time.

    >>> _name_in("cancelled by ada@lab at 2026-11-30T10:00:00.000Z"), _name_in("cancelled by ada@lab")
    ('ada@lab', 'ada@lab')
    """
    name = reason.removeprefix("cancelled by ")
    return name.rpartition(" at ")[0] or name


def _to_fetch(job: OpenJob) -> Fetch:
    state = job.state
    end = state.state if state.is_over else protocol.LOST
    return Fetch(job.paths, job.job.fingerprint, job.job.record, state.number, state.is_committed, end, state.reason)


def _batches(items: Sequence[_Item], size: int) -> Iterator[Sequence[_Item]]:
    for begin in range(0, len(items), size):
        yield items[begin : begin + size]
