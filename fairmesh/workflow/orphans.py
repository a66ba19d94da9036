"""Find the jobs of a killed run: they continue, and the next run collects their results."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fairmesh.errors import FairmeshError
from fairmesh.jobs import lookup
from fairmesh.jobs.bundles import all_members, read_members
from fairmesh.jobs.lookup import FolderState
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.runner import jsonfiles, protocol, scheduler
from fairmesh.runner.claims import Claims
from fairmesh.schedulers import JobInfo
from fairmesh.status.events import NO_EVENTS, EventLog, Name


@dataclass(frozen=True)
class PendingJob:
    """A job without a result.

    Parameters
    ----------
    name : tuple of str
        Machine and id of an experiment; a stage has no machine.
    paths : JobPaths
        Its folder.
    fingerprint : str
        Its fingerprint.
    """

    name: Name
    paths: JobPaths
    fingerprint: str


@dataclass(frozen=True)
class Orphans:
    """The jobs that a process or a job in the scheduler's queue still runs.

    Parameters
    ----------
    jobs : mapping
        The scheduler's job numbers by name; empty if there is none, or it is not known.
    unanswered : int
        The number of jobs of a killed run for which the scheduler did not answer: they count as active, so that none is
        started twice.
    """

    jobs: Mapping[Name, str]
    unanswered: int = 0

    @property
    def problem(self) -> str:
        """The message about a scheduler that does not answer."""
        return (
            f"the scheduler does not answer, and {self.unanswered} jobs of a run that was killed may be in its queue; "
            "none of them is started again before it says so"
        )


def find(paths: StudyPaths, wanted: Iterable[PendingJob]) -> Orphans:
    """Find the wanted jobs that a process or a job in the scheduler's queue still runs.

    Parameters
    ----------
    paths : StudyPaths
        The study's files; the caller holds the run lock, so that all its runs have ended.
    wanted : iterable of PendingJob
        The jobs without a result.
    """
    by_name = {pending.name: pending for pending in wanted}
    runs = dict(_runs(paths)) if by_name else {}
    answer = scheduler.jobs() if runs and scheduler.is_here() else {}
    if answer is None:
        jobs = _may_be_pending(paths, by_name)
    else:
        scheduled = _jobs(paths.study, runs, answer, by_name)
        jobs = {name: job.id for name, job in scheduled.items() if not _has_had_its_turn(by_name[name].paths, job)}
    claimed = {
        name: ""
        for name, pending in by_name.items()
        if lookup.folder_state(pending.paths, pending.fingerprint) is FolderState.ACTIVE
    }
    return Orphans(claimed | jobs, len(jobs) if answer is None else 0)


def wait_for_answer(paths: StudyPaths, wanted: Iterable[PendingJob], patience: float) -> Orphans:
    """Call ``find`` until the scheduler answers.

    Parameters
    ----------
    paths, wanted
        As for ``find``.
    patience : float
        The seconds to wait.

    Raises
    ------
    FairmeshError
        If it does not.
    """
    wanted, deadline = list(wanted), time.monotonic() + patience
    while True:
        orphans = find(paths, wanted)
        if not orphans.unanswered:
            return orphans
        if time.monotonic() >= deadline:
            raise FairmeshError(f"{orphans.problem}; scheduler_patience of {patience / 60:g} minutes is over")
        time.sleep(min(scheduler.FRESH, max(0.0, deadline - time.monotonic())))


def _jobs(
    study: str, runs: Mapping[str, Path], answer: Mapping[str, JobInfo], wanted: Mapping[Name, PendingJob]
) -> dict[Name, JobInfo]:
    """Find the jobs of earlier runs.

    The scheduler's answer is used: a job that was submitted at the time of the crash is found by its comment, even if
    the run could not record it.
    """
    comments = {_comment(study, name): name for name in wanted}
    jobs: dict[Name, JobInfo] = {}
    for job in answer.values():
        if job.name in runs and not job.has_ended:
            names = [comments[job.comment]] if job.comment in comments else read_members(runs[job.name], job.comment)
            jobs.update((name, job) for name in names if name in wanted)
    return jobs


def _runs(paths: StudyPaths, killed: bool = False) -> Iterator[tuple[str, Path]]:
    """Yield the names of the scheduler's jobs of earlier runs, with the folder of the run.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    killed : bool
        Whether to yield only runs without a recorded end.
    """
    for path in (paths.folder / protocol.RUNS).glob(f"*/{protocol.RUN_FILE}"):
        about = jsonfiles.read_map(str(path)) or {}
        if about.get("executor_run") and not (killed and about.get("ended")):
            yield str(about["executor_run"]), path.parent


def _may_be_pending(paths: StudyPaths, wanted: Mapping[Name, PendingJob]) -> dict[Name, str]:
    """Find the jobs that killed runs submitted and whose end is not known, with their numbers if known."""
    job_ids: dict[Name, str] = {}
    for _, folder in _runs(paths, killed=True):
        news = EventLog(str(folder / protocol.EVENTS)).read()
        handed_over = {name for name, of_job in news.items() if of_job.is_open}
        handed_over |= {name for name in all_members(folder) if name not in news}
        for name in handed_over & wanted.keys():
            job_id = news.get(name, NO_EVENTS).job_id
            if not _has_ended(wanted[name].paths, job_id):
                job_ids[name] = job_id
    return job_ids


def _has_ended(paths: JobPaths, job_id: str) -> bool:
    """Return whether a job made the last attempt, and it has ended."""
    claims = Claims(str(paths.folder))
    number = claims.highest()
    return bool(number and job_id) and claims.holder(number).get("job_id") == job_id and claims.is_over(number)


def _comment(study: str, name: Name) -> str:
    """Return the comment that the executor plugin gives a job: its rule, and the values of its wildcards."""
    machine, identity = name
    rule, values = ("experiment", [study, machine, identity]) if machine else ("stage", [study, identity])
    return f"rule_{rule}_wildcards_" + "_".join(values).replace("/", "_")


def _has_had_its_turn(paths: JobPaths, job: JobInfo) -> bool:
    """Return whether a bundle's job, which still runs other members, has finished this one."""
    claims = Claims(str(paths.folder))
    number = claims.highest()
    holder = claims.holder(number) if number else {}
    same_start = holder.get("job_id") == job.id and int(holder.get("restart") or 0) == job.restarts
    return same_start and claims.is_over(number)
