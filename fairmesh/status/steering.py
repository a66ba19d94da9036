"""Select jobs, cancel them, and clear them for another attempt; several people may do so at once."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.errors import BusyError, FairmeshError, InputError, Problem, nearest
from fairmesh.expressions.conditions import Condition
from fairmesh.jobs import lookup
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.runner import scheduler
from fairmesh.runner.protocol import CANCEL, DONE, STATES, WAITING
from fairmesh.runner.status import request_cancel
from fairmesh.schedulers import JobState
from fairmesh.stages import walk_needs
from fairmesh.status.model import ACTIVE, JobStatus, RunStatus, StudyStatus
from fairmesh.status.reader import read_status
from fairmesh.user import user

SHOWN = 5  # names in a message


@dataclass(frozen=True)
class JobSelection:
    """What is meant: what is named, and of that what is in a state and fulfils an expression; all if nothing is said.

    Parameters
    ----------
    names : sequence of str
        Ids, keys, or beginnings of one that fit one experiment or stage alone. An id means it on every machine.
    where : str
        An expression over parameters, axes and resources, as in a study's ``exclude``; also over ``state``, ``host``,
        ``machine``, ``attempt`` and ``progress``.
    states : sequence of str
        States.
    """

    names: Sequence[str] = ()
    where: str = ""
    states: Sequence[str] = ()

    @property
    def is_everything(self) -> bool:
        """Whether nothing was said, so that all are meant."""
        return not (self.names or self.where or self.states)

    def of(self, status: StudyStatus) -> list[JobStatus]:
        """Return what is meant, in the order of the plan; stages only where they are named.

        Raises
        ------
        InputError
            With all names that are not known or fit several, or if the expression is none.
        """
        jobs = _named(self.names, status) if self.names else list(status.experiments)
        unknown = [state for state in self.states if state not in STATES]
        if unknown:
            raise InputError(
                Problem(f"unknown state {state!r}", "", ", ".join(STATES), nearest(state, STATES)) for state in unknown
            )
        test = _test(self.where, status) if self.where else lambda _: True
        return [job for job in jobs if (not self.states or job.state in self.states) and test(job)]


def _named(names: Iterable[str], status: StudyStatus) -> list[JobStatus]:
    jobs = status.jobs
    wanted: set[int] = set()
    problems = []
    for name in dict.fromkeys(names):
        fitting = [index for index, job in enumerate(jobs) if name in {job.id, job.key, job.name}]
        fitting = fitting or _beginning(name, jobs)
        if len({jobs[index].id for index in fitting}) == 1:
            wanted.update(fitting)
        elif fitting:
            several = ", ".join(jobs[index].id for index in fitting[:SHOWN]) + (", ..." if len(fitting) > SHOWN else "")
            problems.append(Problem(f"{name!r} fits {len(fitting)}: {several}"))
        else:
            problems.append(_unknown(name, status))
    if problems:
        raise InputError(problems)
    return [job for index, job in enumerate(jobs) if index in wanted]


def _beginning(name: str, jobs: Sequence[JobStatus]) -> list[int]:
    return [index for index, job in enumerate(jobs) if name and (job.id.startswith(name) or job.key.startswith(name))]


def _unknown(name: str, status: StudyStatus) -> Problem:
    near = nearest(name, [job.id for job in status.jobs])
    return Problem(f"study {status.study} has no experiment or stage {name!r}", near=near)


def _test(where: str, status: StudyStatus) -> Callable[[JobStatus], bool]:
    """Make the test that an expression is; a name that an experiment lacks has no value there."""
    condition = Condition.parse(
        where, (name for experiment in status.experiments for name in experiment.values), status.study
    )
    return lambda job: condition(job.values)


EVERYTHING = JobSelection()
AT_ONCE = 200  # numbers of jobs in one call of scancel
_JOB_ID = re.compile(r"\d+(_\d+)?", re.ASCII)


@dataclass(frozen=True)
class SteeringResult:
    """What was done.

    Parameters
    ----------
    jobs : tuple of JobStatus
        What it was done to, as it stood before.
    others : tuple of JobStatus
        What was meant too, and needed nothing.
    run : RunStatus or None
        The study's last run.
    notes : tuple of str
        What a person should know besides, a line each.
    """

    jobs: tuple[JobStatus, ...]
    others: tuple[JobStatus, ...]
    run: RunStatus | None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "jobs": [job.to_json() for job in self.jobs],
            "others": [job.to_json() for job in self.others],
            "run": self.run.to_json() if self.run else None,
            "notes": list(self.notes),
        }


def cancel(paths: StudyPaths, selection: JobSelection = EVERYTHING, who: str = "") -> SteeringResult:
    """Cancel jobs: running ones end, queued ones leave the scheduler, and those to come do not start.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    selection : JobSelection
        What is meant; if that is everything, the run starts nothing more.
    who : str
        Who wants it; user and host of this process by default.

    Raises
    ------
    FairmeshError
        If the study has no plan, the selection names what is not there, or a folder cannot be written.
    """
    status = read_status(paths)
    chosen = selection.of(status)
    if selection.is_everything:
        chosen = list(status.jobs)
    alive = status.run is not None and status.run.is_alive
    ended = [job for job in chosen if job.state in ACTIVE or (alive and _is_to_come(job))]
    who = who or current_user()
    try:
        if alive and status.run and selection.is_everything:
            request_cancel(str(paths.run(status.run.uuid)), who)
            ended = [job for job in ended if job.state in ACTIVE]
        for job in ended:
            request_cancel(job.folder, who)
    except OSError as error:
        raise FairmeshError(f"cannot write to {error.filename}: {error.strerror}") from error
    notes = _take_out(status, {job.folder for job in ended})
    return SteeringResult(tuple(ended), _others(chosen, ended), status.run, tuple(notes))


def _others(chosen: Iterable[JobStatus], steered: Iterable[JobStatus]) -> tuple[JobStatus, ...]:
    folders = {job.folder for job in steered}
    return tuple(job for job in chosen if job.folder not in folders)


def _is_to_come(job: JobStatus) -> bool:
    """Return whether the run that goes on is to start a job, or to start it once more."""
    return job.is_selected and job.state != DONE and Path(job.folder).is_dir()


def _take_out(status: StudyStatus, cancelled: set[str]) -> list[str]:
    """Cancel the scheduler's jobs that have not begun and of which nothing is wanted any more."""
    members: dict[str, list[JobStatus]] = defaultdict(list)
    for job in status.jobs:
        if job.state in ACTIVE and _JOB_ID.fullmatch(job.job_id):
            members[job.job_id].append(job)
    wanted = [number for number, jobs in members.items() if all(job.folder in cancelled for job in jobs)]
    known = scheduler.jobs(wanted) if wanted else {}
    if known is None:
        return ["the scheduler does not answer; its jobs end when they begin"]
    pending = [number for number in wanted if number in known and known[number].state is JobState.PENDING]
    notes = (_cancel_jobs(pending[start : start + AT_ONCE]) for start in range(0, len(pending), AT_ONCE))
    return [note for note in notes if note]


def _cancel_jobs(numbers: Sequence[str]) -> str:
    """Cancel jobs of the scheduler; return what went wrong, or an empty text."""
    problem = scheduler.cancel(numbers)
    return f"the scheduler does not cancel jobs, they end when they begin: {problem}" if problem else ""


def clear(
    paths: StudyPaths, selection: JobSelection = EVERYTHING, who: str = "", dry_run: bool = False
) -> SteeringResult:
    """Remove what prevents another attempt: requests to cancel, and claims of silent runners.

    The caller vouches that a silent runner is gone. Nothing is started.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    selection : JobSelection
        What is meant; by default all that ended without a result.
    who : str
        Who wants it; user and host of this process by default.
    dry_run : bool
        Whether to change nothing.

    Returns
    -------
    SteeringResult
        Its jobs are the experiments to run anew; of a stage that is named, those that need it.

    Raises
    ------
    BusyError
        If a claim is one of a runner that gave a sign of life just now.
    FairmeshError
        If the study has no plan, or the selection names what is not there.
    """
    status = read_status(paths)
    chosen = selection.of(status)
    stages = {job.key: job for job in status.stages}
    failed = [job for job in _experiments_of(chosen, status) if _needs_clearing(job)]
    needed = [stages[key] for key in _stage_keys(failed, stages)]
    try:
        for job in [*needed, *failed]:
            if job.state != DONE and not dry_run:
                _clear(job, who or current_user())
    except OSError as error:
        raise FairmeshError(f"cannot write to {error.filename}: {error.strerror}") from error
    return SteeringResult(tuple(failed), _others(chosen, failed), status.run)


def check_will_start(status: StudyStatus, jobs: Iterable[JobStatus]) -> None:
    """Check that the run that goes on still starts these jobs; what it has behind it, it does not do again.

    Raises
    ------
    BusyError
        If it does not.
    """
    folders = {job.folder for job in jobs}
    late = [job.name for job in status.experiments if job.folder in folders and job.state in BAD_ENDS]
    if late and status.run:
        names = ", ".join(late[:SHOWN])
        raise BusyError(f"{status.run.going}, and does not start these again; wait for its end: {names}")


def _needs_clearing(job: JobStatus) -> bool:
    return job.state in BAD_ENDS or job.is_blocked or (job.state == WAITING and _cancel_file(job).exists())


def _cancel_file(job: JobStatus) -> Path:
    return Path(job.folder, CANCEL)


def _experiments_of(chosen: Iterable[JobStatus], status: StudyStatus) -> list[JobStatus]:
    """Return experiments as they are, and for a stage the experiments that need it."""
    folders = {job.folder for job in chosen}
    keys = {job.key for job in chosen if not job.machine}
    stages = {job.key: job for job in status.stages}
    return [job for job in status.experiments if job.folder in folders or keys & _stage_keys([job], stages).keys()]


def _stage_keys(jobs: Iterable[JobStatus], stages: Mapping[str, JobStatus]) -> dict[str, None]:
    """Return the keys of the stages that jobs need, and of those that these need."""

    def needs(job: JobStatus) -> list[str]:
        keys = [fingerprint[:12] for fingerprint in (job.point.get("stages") or {}).values()]
        return [key for key in keys if key in stages]

    direct = [key for job in jobs for key in needs(job)]
    return dict.fromkeys(walk_needs(direct, lambda key: needs(stages[key])))


def _clear(job: JobStatus, who: str) -> None:
    _cancel_file(job).unlink(missing_ok=True)
    if not lookup.abandon(JobPaths(Path(job.folder)), who):
        raise BusyError(
            f"{job.name}: attempt {job.attempt} on {job.host} gave a sign of life just now; cancel it first"
        )


def current_user() -> str:
    """Return who asks: user and host."""
    return f"{user()}@{os.uname()[1]}"
