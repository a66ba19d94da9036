"""Run jobs on other machines for the rules of a run: a thread a machine submits, polls and fetches all of its jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from fairmesh.dispatch.machine_context import MachineContext
from fairmesh.dispatch.machine_jobs import LOOK, MachineJobs
from fairmesh.dispatch.mirror import RemotePlace
from fairmesh.dispatch.open_job import OpenJob
from fairmesh.dispatch.remote_job import RemoteJob
from fairmesh.dispatch.report import MachineReport
from fairmesh.dispatch.requests import JobRequest, Mailbox
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines.computers import Computers
from fairmesh.machines.home import home_name
from fairmesh.runner import commit, jsonfiles
from fairmesh.runner.status import CancelRequest, cancel_reason
from fairmesh.study.machines import Machine
from fairmesh.user import user

FindJob = Callable[[str, str, str], RemoteJob]
"""Returns the job of a request: of its kind (``experiments`` or ``stages``), machine and id."""

FindComputers = Callable[[str, Machine], Computers]
"""Returns the computers of a machine."""

CANCEL = 15.0  # seconds for machines to cancel jobs, before the run ends without them
END = 5.0  # seconds to wait for a request that is under way
END_OF_RENTED = 180.0  # seconds in which rented computers are destroyed
WAIT_FOR_LOCK = 30.0  # seconds until another process has synchronized the machine


class Ending:
    """Whether the jobs of a run are to be cancelled, and whether its threads are to end.

    Parameters
    ----------
    run_folder : Path
        The folder of the run, which may hold a request to cancel it.
    """

    def __init__(self, run_folder: Path) -> None:
        self._run_folder = str(run_folder)
        self.is_over = threading.Event()
        self._cancelled, self._since = "", 0.0

    def cancel(self, who: str = "") -> None:
        """Cancel all jobs: by request of somebody, or by a signal such as Ctrl-C."""
        self._since = self._since or time.monotonic()
        self._cancelled = self.reason() or str(CancelRequest(who or user(), jsonfiles.now()))

    def reason(self) -> str:
        """Return who has cancelled the run, and when; empty if nobody has."""
        return self._cancelled or cancel_reason(self._run_folder)

    @property
    def is_late(self) -> bool:
        """Whether jobs have had the time to end after they were cancelled."""
        return bool(self._since) and time.monotonic() - self._since > CANCEL


class Dispatcher:
    """Runs jobs on other machines for the rules of a run.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    run_folder : Path
        The folder of the run, in which the rules make their requests.
    jobs : callable
        Returns the job of a request; called in the threads of the machines.
    machines : mapping
        The remote machines by name.
    project : Path
        The project folder.
    announce : callable
        Shows one line to the user; gets the line and the name of the machine.
    computers : callable, optional
        Returns the computers of a machine; by default, those of its kind.
    expected : mapping, optional
        The kinds and ids of the jobs that the run will request, by machine: rented computers are destroyed as soon as
        all of these have ended. Without it, they go on until the run ends.
    """

    def __init__(
        self,
        paths: StudyPaths,
        run_folder: Path,
        jobs: FindJob,
        machines: Mapping[str, Machine],
        project: Path,
        announce: Callable[[str, str], None],
        computers: FindComputers | None = None,
        expected: Mapping[str, Collection[tuple[str, str]]] | None = None,
    ) -> None:
        self._paths, self._run_folder, self._jobs = paths, run_folder, jobs
        self._machines, self._project, self._announce = machines, project, announce
        self._computers = computers or self._computers_of_kind
        self._expected = expected or {}
        self._ending = Ending(run_folder)
        self._threads: list[_MachineThread] = []

    def _computers_of_kind(self, name: str, machine: Machine) -> Computers:
        from fairmesh.machines.registry import computers  # noqa: PLC0415  imports what a kind needs

        return computers(name, machine, self._paths, self._project, self._run_folder.name)

    def start(self) -> None:
        """Start a thread for each machine."""
        home = home_name(self._paths.home)
        self._threads = [self._thread(name, machine, home) for name, machine in self._machines.items()]
        for thread in self._threads:
            thread.start()

    def _thread(self, name: str, machine: Machine, home: str) -> _MachineThread:
        mailbox = Mailbox(self._run_folder, name)
        context = MachineContext(
            machine=name,
            scheduler=machine.scheduler,
            patience=60 * machine.patience,
            results=self._paths.home,
            study=self._paths.folder,
            home=home,
            run=self._run_folder.name,
            run_cancelled=self._ending.reason,
            rsync=machine.rsync,
            answer=lambda job, problem: mailbox.answer(job.request, problem) if job.request else None,
        )

        def announce(text: str) -> None:
            self._announce(text, name)

        report = MachineReport(self._paths.machine(name), name, machine.host or "", announce)
        jobs = MachineJobs(self._computers(name, machine), context, report, announce)
        lock = RunLock(self._paths.machines / f"{name}.lock")
        thread = _MachineThread(jobs, mailbox, self._jobs, lock, self._ending, self._paths.home)
        thread.expected = self._expected.get(name, ())
        return thread

    def stop(self, cancel: bool, who: str = "") -> None:
        """End the threads.

        Parameters
        ----------
        cancel : bool
            Whether the machines cancel the jobs that this run still waits for: then the threads go on until these have
            ended, for some seconds, and this call returns at once. Otherwise the jobs go on, and the next run finds
            them.
        who : str
            What the jobs name as the one who has cancelled them; by default, the user.
        """
        if cancel:
            self._ending.cancel(who)
            return
        self._ending.is_over.set()
        for thread in self._threads:
            thread.leave()
        for thread in self._threads:
            thread.join(END if thread.has_left else END_OF_RENTED)


class _MachineThread(threading.Thread):
    """Serves the requests for one machine.

    Parameters
    ----------
    jobs : MachineJobs
        The jobs of the machine.
    mailbox : Mailbox
        The requests.
    find : callable
        Returns the job of a request.
    lock : RunLock
        Held by the process that sends requests about this study to the machine.
    ending : Ending
        Whether to end.
    results : Path
        The local results folder.

    Attributes
    ----------
    expected : collection
        The kinds and ids of all jobs that will be requested; empty if that is unknown.
    """

    def __init__(
        self, jobs: MachineJobs, mailbox: Mailbox, find: FindJob, lock: RunLock, ending: Ending, results: Path
    ) -> None:
        super().__init__(name=f"machine {mailbox.machine}", daemon=True)
        self._jobs, self._mailbox, self._find, self._lock = jobs, mailbox, find, lock
        self._ending, self._results = ending, results
        self.expected: Collection[tuple[str, str]] = ()

    @property
    def has_left(self) -> bool:
        """Whether jobs go on without the run."""
        return self._jobs.has_left

    def leave(self) -> None:
        """Answer all requests: their jobs go on, and the next run finds them."""
        problem = f"it goes on on {self._mailbox.machine}, and the next run fetches its result"
        self._jobs.leave(problem)
        for request in self._mailbox.new_requests():
            self._mailbox.answer(request, f"fairmesh: {request.id}: the run has ended")

    def run(self) -> None:
        """Serve requests until the run ends."""
        while not self._ending.is_over.is_set():
            try:
                self._lock.try_take(WAIT_FOR_LOCK)
                self._serve()
            except Exception as error:  # noqa: BLE001  rules wait for an answer, whatever happens
                self._jobs.leave(f"internal error of the dispatcher: {type(error).__name__}: {error}")
                self._ending.is_over.wait(LOOK)
        self._jobs.close()
        self._lock.release()

    def _serve(self) -> None:
        while not self._ending.is_over.is_set():
            for request in self._mailbox.new_requests():
                self._take(request)
            self._jobs.is_complete = bool(self.expected) and self._mailbox.has_received(self.expected)
            pause = self._jobs.step()
            if self._ending.is_late:
                self.leave()
            self._ending.is_over.wait(pause)

    def _take(self, request: JobRequest) -> None:
        """Add the job of a request, unless its result is here."""
        try:
            job = self._find(request.kind, request.machine, request.id)
            if _has_result(job, self._mailbox.run):
                commit.copy_record(str(job.paths.folder), str(job.record))
                RemotePlace.remove_if_fetched(job.paths, job.fingerprint)
                self._mailbox.answer(request)
            else:
                self._jobs.add(OpenJob.of(job, self._results, request, self._mailbox.run))
        except Exception as error:  # noqa: BLE001  the rule waits for an answer, and others go on
            self._mailbox.answer(request, str(error) or type(error).__name__)


def _has_result(job: RemoteJob, run: str) -> bool:
    """Return whether a valid commit of a job is here already, as the runner decides it."""
    result = commit.read(str(job.paths.folder), job.fingerprint)
    return result is not None and (not job.force or result.get("run") == run)
