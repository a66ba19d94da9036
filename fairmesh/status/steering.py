"""Select jobs, cancel them, and clear them for another attempt; safe for several users at once."""

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
from fairmesh.status import remote
from fairmesh.status.model import ACTIVE, JobStatus, RunStatus, StudyStatus
from fairmesh.status.reader import read_status
from fairmesh.user import user

SHOWN = 5  # names in a message


@dataclass(frozen=True)
class JobSelection:
    """A selection of jobs by name, state and expression; an empty selection selects everything.

    Parameters
    ----------
    names : sequence of str
        What experiments and stages are called: see ``fairmesh.short_names.ExperimentFinder``.
    where : str
        An expression over parameters, axes and resources, as in a study's ``exclude``; also over ``state``, ``host``,
        ``machine``, ``attempt`` and ``progress``.
    states : sequence of str
        The states to select.
    """

    names: Sequence[str] = ()
    where: str = ""
    states: Sequence[str] = ()

    @property
    def is_everything(self) -> bool:
        """Whether the selection is empty, so that it selects everything."""
        return not (self.names or self.where or self.states)

    def of(self, status: StudyStatus) -> list[JobStatus]:
        """Return the selected jobs in the order of the plan; stages only if they are named.

        Raises
        ------
        InputError
            With all unknown and ambiguous names, or if the expression is invalid.
        """
        jobs = status.finder.find_all(self.names) if self.names else list(status.experiments)
        unknown = [state for state in self.states if state not in STATES]
        if unknown:
            raise InputError(
                Problem(f"unknown state {state!r}", "", ", ".join(STATES), nearest(state, STATES)) for state in unknown
            )
        test = _test(self.where, status) if self.where else lambda _: True
        return [job for job in jobs if (not self.states or job.state in self.states) and test(job)]


def _test(where: str, status: StudyStatus) -> Callable[[JobStatus], bool]:
    """Return an expression as a function; names that an experiment lacks have no value."""
    condition = Condition.parse(
        where, (name for experiment in status.experiments for name in experiment.values), status.study
    )
    return lambda job: condition(job.values)


EVERYTHING = JobSelection()
AT_ONCE = 200  # jobs in one call of scancel
_JOB_ID = re.compile(r"\d+(_\d+)?", re.ASCII)


@dataclass(frozen=True)
class SteeringResult:
    """The result of a steering command.

    Parameters
    ----------
    jobs : tuple of JobStatus
        The affected jobs, with their previous status.
    others : tuple of JobStatus
        The selected jobs that needed no change.
    run : RunStatus or None
        The study's last run.
    notes : tuple of str
        Further messages, one line each.
    """

    jobs: tuple[JobStatus, ...]
    others: tuple[JobStatus, ...]
    run: RunStatus | None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data."""
        return {
            "jobs": [job.to_json() for job in self.jobs],
            "others": [job.to_json() for job in self.others],
            "run": self.run.to_json() if self.run else None,
            "notes": list(self.notes),
        }


def cancel(paths: StudyPaths, selection: JobSelection = EVERYTHING, who: str = "") -> SteeringResult:
    """Cancel jobs: running jobs end, queued jobs are removed, and pending jobs do not start.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    selection : JobSelection
        The jobs to cancel; if that is everything, the run starts no more jobs.
    who : str
        The user who requests it; user and host of this process by default.

    Raises
    ------
    FairmeshError
        If the study has no plan, the selection has unknown names, or a folder is not writable.
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
    notes = [*_take_out(status, {job.folder for job in ended}), *remote.update(paths)]
    return SteeringResult(tuple(ended), _others(chosen, ended), status.run, tuple(notes))


def _others(chosen: Iterable[JobStatus], steered: Iterable[JobStatus]) -> tuple[JobStatus, ...]:
    folders = {job.folder for job in steered}
    return tuple(job for job in chosen if job.folder not in folders)


def _is_to_come(job: JobStatus) -> bool:
    """Return whether the active run will start a job, or start it again."""
    return job.is_selected and job.state != DONE and Path(job.folder).is_dir()


def _take_out(status: StudyStatus, cancelled: set[str]) -> list[str]:
    """Cancel the scheduler's pending jobs whose members are all cancelled."""
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
    """Cancel jobs of the scheduler; return an error message, or an empty text."""
    problem = scheduler.cancel(numbers)
    return f"the scheduler does not cancel jobs, they end when they begin: {problem}" if problem else ""


def clear(
    paths: StudyPaths, selection: JobSelection = EVERYTHING, who: str = "", dry_run: bool = False
) -> SteeringResult:
    """Remove what prevents another attempt: requests to cancel, and claims of silent runners.

    The caller vouches that a silent runner has ended. Nothing is started.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    selection : JobSelection
        The jobs to clear; by default all that ended without a result.
    who : str
        The user who requests it; user and host of this process by default.
    dry_run : bool
        Whether to change nothing.

    Returns
    -------
    SteeringResult
        The experiments to run again; for a named stage, those that need it.

    Raises
    ------
    BusyError
        If the runner of a claim gave a sign of life just now.
    FairmeshError
        If the study has no plan, or the selection has unknown names.
    """
    notes = remote.update(paths)
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
    return SteeringResult(tuple(failed), _others(chosen, failed), status.run, tuple(notes))


def check_will_start(status: StudyStatus, jobs: Iterable[JobStatus]) -> None:
    """Check that the active run will still start these jobs; it does not repeat jobs that have ended.

    Raises
    ------
    BusyError
        If it will not.
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
    """Return the chosen experiments, and the experiments that need the chosen stages."""
    folders = {job.folder for job in chosen}
    keys = {job.key for job in chosen if not job.machine}
    stages = {job.key: job for job in status.stages}
    return [job for job in status.experiments if job.folder in folders or keys & _stage_keys([job], stages).keys()]


def _stage_keys(jobs: Iterable[JobStatus], stages: Mapping[str, JobStatus]) -> dict[str, None]:
    """Return the keys of the stages that jobs need, directly or indirectly."""

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
    """Return user and host of this process."""
    return f"{user()}@{os.uname()[1]}"
