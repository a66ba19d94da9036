"""Exchange what has changed with machines while no run does so: for commands that show, cancel or repeat jobs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from fairmesh.dispatch.client import TargetClient
from fairmesh.dispatch.machine_context import MachineContext
from fairmesh.dispatch.machine_jobs import MachineJobs
from fairmesh.dispatch.mirror import RemotePlace, open_places
from fairmesh.dispatch.open_job import OpenJob
from fairmesh.dispatch.remote_job import RemoteJob
from fairmesh.dispatch.report import MachineReport
from fairmesh.errors import FairmeshError
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.machines.computers import Computer, Computers
from fairmesh.machines.home import home_name
from fairmesh.printing import one_line
from fairmesh.project import MACHINES, own_or_installed
from fairmesh.runner import protocol
from fairmesh.study.machines import Machine, load_machines

SECONDS = 8.0  # to wait for machines
_LOOK = 0.1  # seconds between two steps


FindComputers = Callable[[str, Machine, StudyPaths, Path], Computers]
"""Returns the computers of a machine, from its name and settings, the study and the project folder."""


def _computers_of_kind(name: str, machine: Machine, paths: StudyPaths, project: Path) -> Computers:
    from fairmesh.machines.registry import computers  # noqa: PLC0415  imports what a kind needs

    return computers(name, machine, paths, project)


def _names(paths: StudyPaths) -> list[str]:
    """Return the machines of which the study has a state."""
    return sorted(path.stem for path in paths.machines.glob("*.json"))


def open_jobs(paths: StudyPaths, machine: str) -> list[JobPaths]:
    """Return the jobs of a machine that were not fetched yet."""
    experiments = paths.folder / protocol.EXPERIMENTS / machine
    stages = (folder for folder in (paths.home / protocol.STAGES).glob("*") if folder.is_dir())
    return [job for folder in (experiments, *stages) for job in open_places(folder, machine)]


def synchronize(
    paths: StudyPaths,
    project: Path,
    seconds: float = SECONDS,
    computers: FindComputers = _computers_of_kind,
    machines: Mapping[str, Machine] | None = None,
) -> list[str]:
    """Mirror the states of jobs on machines, fetch those that have ended, and forward requests to cancel.

    Nothing is started. Machines that another process is in contact with are left to it.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    project : Path
        The project folder, with the settings of the machines.
    seconds : float
        How long to wait for the machines; what is under way then goes on in the background until the process ends.
    computers : callable
        Returns the computers of a machine.
    machines : mapping, optional
        The machines by name; by default those of the project.

    Returns
    -------
    list of str
        Why something is not up to date, a line for each machine.
    """
    wanted = {name: jobs for name in _names(paths) if (jobs := open_jobs(paths, name))}
    if not wanted:
        return []
    try:
        known = machines if machines is not None else load_machines(own_or_installed(project, MACHINES))
    except (FairmeshError, OSError) as error:
        return [f"the machines are not asked: {one_line(str(error))}"]
    tasks = [
        _Synchronization(name, known[name], paths, project, seconds, computers, jobs)
        for name, jobs in wanted.items()
        if name in known and known[name].is_remote
    ]
    for task in tasks:
        task.start()
    deadline = time.monotonic() + seconds
    for task in tasks:
        task.join(max(0.0, deadline - time.monotonic()))
    missing = [f"{name} is not in {MACHINES} any more; its jobs are not asked for" for name in wanted.keys() - known]
    return sorted([*missing, *(task.message for task in tasks if task.message)])


class _Synchronization(threading.Thread):
    """One exchange with one machine."""

    def __init__(
        self,
        name: str,
        machine: Machine,
        paths: StudyPaths,
        project: Path,
        seconds: float,
        computers: FindComputers,
        jobs: Iterable[JobPaths],
    ) -> None:
        super().__init__(name=f"synchronize {name}", daemon=True)
        self._machine, self._settings, self._paths, self._project = name, machine, paths, project
        self._seconds, self._computers, self._jobs = seconds, computers, jobs
        self._problem, self._is_over = f"no answer within {seconds:g} s", False

    @property
    def message(self) -> str:
        """The problem, in one line; empty if there is none."""
        shown = "its jobs are shown as they were known before"
        return one_line(f"{self._machine}: {self._problem}; {shown}") if self._problem else ""

    def run(self) -> None:
        """Exchange once."""
        lock = RunLock(self._paths.machines / f"{self._machine}.lock")
        try:
            if not lock.try_take():
                self._problem = ""  # another process is in contact with it
                return
            self._problem = self._exchange()
        except (FairmeshError, LookupError, OSError) as error:
            self._problem = str(error)
        finally:
            lock.release()

    def _exchange(self) -> str:
        """Poll each computer once, and again soon while jobs are being cancelled; return the problem."""
        jobs = self._machine_jobs()
        deadline = time.monotonic() + self._seconds
        try:
            while time.monotonic() < deadline:
                jobs.step()
                if jobs.problem or _is_settled(jobs):
                    break
                time.sleep(_LOOK)
            return jobs.problem
        finally:
            jobs.close()

    def _machine_jobs(self) -> MachineJobs:
        context = MachineContext(
            machine=self._machine,
            scheduler=self._settings.scheduler,
            patience=60 * self._settings.patience,
            results=self._paths.home,
            study=self._paths.folder,
            home=home_name(self._paths.home),
            run="",
            run_cancelled=lambda: "",
            answer=lambda job, problem: None,
            timeout=self._seconds,
        )
        path, host = self._paths.machine(self._machine), self._settings.host or ""
        report = MachineReport(path, self._machine, host, lambda text: None)
        computers = self._computers(self._machine, self._settings, self._paths, self._project)
        jobs = MachineJobs(computers, context, report, lambda text: None)
        jobs.has_left = True  # rented computers stay: the next run ends them
        for job in map(self._open_job, self._jobs):
            if job:
                jobs.add(job)
        return jobs

    def _open_job(self, paths: JobPaths) -> OpenJob | None:
        place = RemotePlace.read(paths)
        if place is None or RemotePlace.remove_if_fetched(paths, place.fingerprint):
            return None
        record = self._paths.home / place.record
        return OpenJob.of(RemoteJob(paths, place.fingerprint, record, key=""), self._paths.home)


def _is_settled(jobs: MachineJobs) -> bool:
    """Return whether every job was polled, and none is about to end because it was cancelled."""
    is_polled = all(part.polls for part in jobs.parts) and all(job.state.number for job in jobs.jobs)
    return is_polled and not any(job.is_cancelled for job in jobs.jobs)


def read_log(
    paths: StudyPaths,
    project: Path,
    job: JobPaths,
    lines: int,
    computers: FindComputers = _computers_of_kind,
    machines: Mapping[str, Machine] | None = None,
) -> list[str] | None:
    """Return the last lines of the log of a job that is on a machine, safe to print; None if it is on none.

    Parameters
    ----------
    paths, project, computers, machines
        As in ``synchronize``.
    job : JobPaths
        The local job folder.
    lines : int
        The largest number of lines.

    Raises
    ------
    FairmeshError
        If the machine does not answer.
    """
    place = RemotePlace.read(job)
    if place is None:
        return None
    known = machines if machines is not None else load_machines(own_or_installed(project, MACHINES))
    if place.machine not in known or not known[place.machine].is_remote:
        raise FairmeshError(f"{place.machine} is no machine in {MACHINES} any more")
    group = computers(place.machine, known[place.machine], paths, project)
    try:
        computer = _find_computer(group, place)
        client = TargetClient(computer.transport, home_name(paths.home), paths.home, SECONDS)
        return client.log(client.relative(job.folder), place.number, lines)
    finally:
        group.close()


def _find_computer(computers: Computers, place: RemotePlace) -> Computer:
    """Return the computer that a job is on; that of a provider may be known only after a while."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        ready = {computer.name: computer for computer in computers.ready(0)}
        if place.computer in ready:
            return ready[place.computer]
        time.sleep(_LOOK)
    raise FairmeshError(f"{place.machine} has no computer {place.computer} now")
