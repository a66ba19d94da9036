"""The jobs of one machine: assign them to its computers, and go on elsewhere when a computer is gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from fairmesh.dispatch import mirror
from fairmesh.dispatch.answers import RemoteState
from fairmesh.dispatch.backoff import Health
from fairmesh.dispatch.computer_jobs import ComputerJobs
from fairmesh.dispatch.machine_context import MachineContext
from fairmesh.dispatch.mirror import RemotePlace
from fairmesh.dispatch.open_job import OpenJob
from fairmesh.dispatch.report import MachineReport
from fairmesh.machines.computers import Computer, Computers
from fairmesh.machines.transport import RefusedError, RequestError, UnreachableError
from fairmesh.runner import protocol
from fairmesh.runner.status import write_end

LOOK = 0.5  # seconds between two steps while there are jobs
REST = 1.0  # seconds between two steps otherwise
LOOK_FOR_CANCEL = 2.0  # seconds


class MachineJobs:
    """The jobs of one machine.

    Parameters
    ----------
    computers : Computers
        The computers of the machine.
    context : MachineContext
        What is the same for all of them.
    report : MachineReport
        Reports the state of the machine.
    announce : callable
        Shows one line to the user.

    Attributes
    ----------
    has_left : bool
        Whether jobs go on without the run.
    is_complete : bool
        Whether all jobs of the run have been added.
    """

    def __init__(
        self, computers: Computers, context: MachineContext, report: MachineReport, announce: Callable[[str], None]
    ) -> None:
        self._computers, self._context, self._report, self._announce = computers, context, report, announce
        self._health = Health(context.patience)
        self._parts: dict[str, ComputerJobs] = {}
        self._waiting: list[OpenJob] = []
        self._threads: dict[str, threading.Thread] = {}
        self._looked = 0.0
        self._warned: set[str] = set()
        self.has_left, self.is_complete = False, False

    @property
    def jobs(self) -> list[OpenJob]:
        """The open jobs."""
        return [*self._waiting, *(job for part in self._parts.values() for job in part.jobs)]

    @property
    def parts(self) -> list[ComputerJobs]:
        """Its computers that can be used or have jobs."""
        return list(self._parts.values())

    @property
    def problem(self) -> str:
        """The problem of the machine, of one of its computers, or of a job; empty if there is none."""
        return self._health.reason or next((part.problem for part in self._parts.values() if part.problem), "")

    def add(self, job: OpenJob) -> None:
        """Add a job; one that an earlier run has started stays on its computer."""
        place = RemotePlace.read(job.paths)
        job.computer = place.computer if place else None
        self._waiting.append(job)

    def step(self) -> float:
        """Do what is due; return the seconds until the next step."""
        self._find_computers()
        self._announce_messages()
        self._assign()
        self._look_for_cancel()
        self._step_computers()
        self._announce_warnings()
        self._update_report()
        return LOOK if self.jobs else REST

    def _announce_messages(self) -> None:
        for message in self._computers.messages():
            self._announce(message)

    def _announce_warnings(self) -> None:
        """Announce each warning of the computers once."""
        warnings = {part.warning for part in self._parts.values() if part.warning}
        for warning in sorted(warnings - self._warned):
            self._announce(warning)
        self._warned |= warnings

    def _update_report(self) -> None:
        problem = (self._health.state, self._health.reason) if self._health.reason else ("", "")
        self._report.update(self.parts, self._waiting, problem)

    def _find_computers(self) -> None:
        """Ask which computers can be used, and take the jobs from those that are gone."""
        count = sum(job.request is not None for job in self.jobs)
        if not count and not self.has_left:
            self._computers.release(self.is_complete)
        if not self._health.is_due:
            return
        try:
            ready = self._computers.ready(count)
            self._health.succeed()
        except (UnreachableError, RefusedError, RequestError) as error:
            self._health.fail(error)
            return
        for computer in ready:
            part = self._parts.get(computer.name)
            if part is None:
                self._parts[computer.name] = ComputerJobs(computer, self._context)
            elif part.computer != computer:
                part.use(computer)
        self._remove_gone({computer.name for computer in ready})

    def _remove_gone(self, ready: set[str]) -> None:
        for name in [name for name in self._parts if name not in ready and self._computers.is_gone(name)]:
            for job in self._parts.pop(name).take_all():
                self._move(job, name)
                self._waiting.append(job)
        for job in self._waiting:
            if job.computer and job.computer not in self._parts and self._computers.is_gone(job.computer):
                self._move(job, job.computer)

    def _move(self, job: OpenJob, gone: str) -> None:
        """Take a job from a computer that is gone: its attempt has ended, and the next one goes on elsewhere."""
        place = RemotePlace.read(job.paths)
        if place and not mirror.is_fetched(job.paths, place.number):
            reason = f"its computer {gone} is gone"
            lost = RemoteState(place.number, protocol.LOST, reason, is_over=True)
            mirror.mirror(job.paths, lost, self._context.machine, job.job.fingerprint)
            write_end(str(job.paths.folder), place.number, protocol.LOST, reason)
        RemotePlace.remove(job.paths)
        job.computer, job.started, job.state = None, 0, RemoteState()
        if job.request is None:
            job.computer = gone  # nothing is started without a run

    def _assign(self) -> None:
        """Assign waiting jobs to computers: those that were started to theirs, others where there is room."""
        rest = []
        for job in self._waiting:
            part = self._parts.get(job.computer) if job.computer is not None else self._find_room(job)
            if part is None:
                rest.append(job)
            else:
                job.computer = part.computer.name
                part.add(job)
        self._waiting = rest

    def _find_room(self, job: OpenJob) -> ComputerJobs | None:
        """Return the computer with the most free slots; a machine that is one host always has room."""
        if "" in self._parts:
            return self._parts[""]
        rooms = [(_room(part, job), part) for part in self._parts.values() if _is_in_time(part.computer, job)]
        free, best = max(rooms, key=lambda room: room[0], default=(0, None))
        return best if free > 0 else None

    def _look_for_cancel(self) -> None:
        """Poll soon where a job is to be cancelled; jobs without a computer end at once."""
        if time.monotonic() - self._looked < LOOK_FOR_CANCEL:
            return
        self._looked = time.monotonic()
        is_run_cancelled = bool(self._context.run_cancelled())
        for part in self._parts.values():
            if any(not job.is_cancelled and (is_run_cancelled or job.paths.cancel.exists()) for job in part.jobs):
                part.poll_soon()
        for job in list(self._waiting):
            reason = self._context.cancel_reason(job)
            if reason and job.computer is None:
                self._waiting.remove(job)
                self._context.answer(job, f"fairmesh: {job.name} {protocol.CANCELLED}: {reason}")

    def leave(self, problem: str) -> None:
        """Answer all requests with a problem; the jobs stay where they are, and the next run finds them."""
        jobs, self._waiting = self.jobs, []
        self.has_left |= bool(jobs)
        for part in self._parts.values():
            part.take_all()
        for job in jobs:
            self._context.answer(job, f"fairmesh: {job.name}: {problem}")

    def _step_computers(self) -> None:
        """Take the next step of each computer that is due; with several of them, each in a thread of its own."""
        due = [part for part in self._parts.values() if part.is_due and not self._is_working(part)]
        if len(self._parts) == 1:
            for part in due:
                part.step()
            return
        for part in due:
            name = part.computer.name
            self._threads[name] = threading.Thread(target=part.step, name=f"computer {name}", daemon=True)
            self._threads[name].start()

    def _is_working(self, part: ComputerJobs) -> bool:
        thread = self._threads.get(part.computer.name)
        return thread is not None and thread.is_alive()

    def close(self) -> None:
        """End connections; rented computers are destroyed if no job goes on there."""
        if not (self.jobs or self.has_left):
            self._computers.release(is_final=True)
        closing = threading.Thread(target=self._computers.close, daemon=True)
        closing.start()
        while closing.is_alive():  # rented computers take a minute to end
            closing.join(LOOK)
            self._announce_messages()
        self._announce_messages()
        if not self.has_left:  # jobs that go on keep the state and the problem that they have
            self._remove_gone(set())
            self._update_report()


def _room(part: ComputerJobs, job: OpenJob) -> int:
    """Return how many more jobs a computer takes; one that needs it alone waits until it is empty."""
    jobs = part.jobs
    if any(other.job.is_exclusive for other in jobs) or (job.job.is_exclusive and jobs):
        return 0
    return part.computer.slots - len(jobs)


def _is_in_time(computer: Computer, job: OpenJob) -> bool:
    """Return whether a job can end before its computer is destroyed."""
    runtime = job.job.resources.get("runtime", 0)
    minutes = runtime if isinstance(runtime, int | float) else 0
    return time.time() + 60 * minutes < computer.ends
