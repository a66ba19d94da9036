"""The status of a study and its jobs at one moment, as objects that convert to JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairmesh.errors import InputError, Problem
from fairmesh.jobs.paths import JobPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.runner.protocol import CANCELLED, DONE, ENDS, FAILED, LOG, QUEUED, RUNNING, STATES, TIMEOUT, WAITING
from fairmesh.short_names import ExperimentFinder, ShortNames

if TYPE_CHECKING:
    from fairmesh.status.machines import MachineStatus

ACTIVE = (QUEUED, RUNNING)
ORDER = (*BAD_ENDS, RUNNING, QUEUED, WAITING, DONE)  # the most important first

EXPERIMENT = "experiment"
STAGE = "stage"


@dataclass(frozen=True, slots=True)
class JobStatus:
    """The status of an experiment on one machine, or of a shared stage.

    Parameters
    ----------
    kind : str
        ``experiment`` or ``stage``.
    machine, id, key : str
        Its identity; a stage has no machine.
    state : str
        One of ``fairmesh.runner.protocol.STATES``.
    reason : str
        The reason for the state; may be empty.
    progress : int
        Percent, as reported by its program.
    message : str
        The last message of its program.
    host, job_id : str
        The node or computer of its last attempt, and the scheduler's job number, if known.
    attempt : int
        The number of its last attempt, 0 if there is none.
    run : str
        The uuid of the run of its last attempt; empty if it was started by hand.
    started, ended : str
        The times when the program of its last attempt began and ended, in ISO 8601, by the clock of its host; or empty.
    seconds : mapping of str to float
        The known times spent in the states ``waiting``, ``queued`` and ``running``.
    energy : float or None
        The energy used for its result in joules, if measured.
    metrics : mapping of str to float
        The metrics of its result.
    name : str
        Its name for people: the short name, with the machine where it has results on several; by default the id.
    is_selected, is_blocked : bool
        Whether it was selected in the last run; whether it waits for a failed stage.
    folder : str
        Its job folder.
    point : mapping
        Its entry in the plan.
    """

    kind: str
    machine: str
    id: str
    key: str
    state: str
    reason: str = ""
    progress: int = 0
    message: str = ""
    host: str = ""
    job_id: str = ""
    attempt: int = 0
    run: str = ""
    started: str = ""
    ended: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    energy: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    name: str = ""
    is_selected: bool = True
    is_blocked: bool = False
    folder: str = field(default="", repr=False)
    point: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.id)

    def after(self, seconds: Mapping[str, float]) -> JobStatus:
        """Return a copy with other times."""
        make: Callable[..., JobStatus] = JobStatus  # ``replace`` takes twice as long
        return make(*_BEFORE_SECONDS(self), seconds, *_AFTER_SECONDS(self))

    @property
    def axes(self) -> Mapping[str, Any]:
        """The value of each axis; a stage has none."""
        axes: Mapping[str, Any] = self.point.get("axes") or {}
        return axes

    @property
    def values(self) -> dict[str, Any]:
        """The values for expressions: parameters, axes, resources, identity and state."""
        settings = {**self.point.get("resources", {}), **self.point.get("parameters", {}), **self.point.get("axes", {})}
        names = ("machine", "id", "state", "host", "attempt", "progress")
        return settings | {name: getattr(self, name) for name in names}

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data, with the axes instead of the whole entry of the plan."""
        names = (name for name in self.__slots__ if name not in {"folder", "point", "is_selected", "is_blocked"})
        content = {name: getattr(self, name) for name in names}
        content |= {"selected": self.is_selected, "blocked": self.is_blocked}
        return content | {"axes": self.axes}


_NAMES = JobStatus.__slots__
_BEFORE_SECONDS = attrgetter(*_NAMES[: _NAMES.index("seconds")])
_AFTER_SECONDS = attrgetter(*_NAMES[_NAMES.index("seconds") + 1 :])


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A run of a study.

    Parameters
    ----------
    uuid : str
        Its identifier.
    executor_run : str
        The scheduler's name of the run; empty if there is none.
    profile, config, folder, python : str, mapping, str, str
        The profile, the configuration, the working folder and the interpreter that it was started with.
    started, ended : str
        The times of start and end; no end if none was recorded.
    exit_code : int or None
        The exit status.
    host, pid : str, int
        Its main process.
    is_alive : bool
        Whether it is active: it has not ended, and its process is not known to have ended.
    cancelled : str
        The user and time of its cancellation; empty if it was not cancelled.
    is_merged : bool
        Whether it was started elsewhere, and merged.
    """

    uuid: str
    executor_run: str = ""
    profile: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    folder: str = ""
    python: str = ""
    started: str = ""
    ended: str = ""
    exit_code: int | None = None
    host: str = ""
    pid: int = 0
    is_alive: bool = False
    cancelled: str = ""
    is_merged: bool = False

    @property
    def going(self) -> str:
        """The message that the run is active."""
        return f"run {self.uuid[:8]} goes on as process {self.pid} on {self.host}"

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data."""
        content = {name: getattr(self, name) for name in self.__slots__ if not name.startswith("is_")}
        return content | {"alive": self.is_alive, "merged": self.is_merged}


@dataclass(frozen=True)
class StudyStatus:
    """The status of a study at one moment.

    Parameters
    ----------
    study, title, source : str
        From its plan; the source is the study file.
    now : str
        The time of this status.
    run : RunStatus or None
        The last run, if there was one.
    experiments, stages : tuple of JobStatus
        In the order of the plan; stages before those that need them.
    left : float or None
        The estimated remaining seconds of the run, if known.
    scheduler : str
        The message about a scheduler that does not answer; empty if it answers or is not needed.
    problems : tuple of str
        The files that exist and cannot be read, one line each; their content is left out.
    axes : tuple of str
        The names of its axes, in the study's order.
    machines : tuple of MachineStatus
        The remote machines that its experiments run on, by name.
    """

    study: str
    title: str
    source: str
    now: str
    run: RunStatus | None
    experiments: tuple[JobStatus, ...]
    stages: tuple[JobStatus, ...]
    left: float | None = None
    scheduler: str = ""
    problems: tuple[str, ...] = ()
    axes: tuple[str, ...] = ()
    machines: tuple[MachineStatus, ...] = ()

    @cached_property
    def finder(self) -> ExperimentFinder[JobStatus]:
        """What finds experiments and stages by the names that people write."""
        names = ShortNames([experiment.axes for experiment in self.experiments], self.axes)
        return ExperimentFinder(self.study, self.jobs, names)

    @cached_property
    def counts(self) -> dict[str, int]:
        """The number of experiments by state, for all states."""
        counter = Counter(experiment.state for experiment in self.experiments)
        return {state: counter[state] for state in STATES}

    @cached_property
    def progress(self) -> float:
        """The completed share of the work from 0 to 1: done and failed experiments, and parts of running ones."""
        return progress(self.experiments)

    @cached_property
    def energy(self) -> float | None:
        """The energy used for all results so far in joules; None if nothing was measured."""
        known = [job.energy for job in self.jobs if job.energy is not None]
        return sum(known) if known else None

    @property
    def jobs(self) -> tuple[JobStatus, ...]:
        """Stages and experiments."""
        return (*self.stages, *self.experiments)

    @property
    def is_active(self) -> bool:
        """Whether a run or a job is active, including jobs started by hand."""
        alive = self.run is not None and self.run.is_alive
        return alive or any(job.state in ACTIVE for job in self.jobs)

    @property
    def has_failed(self) -> bool:
        """Whether a job selected in the last run failed or is blocked."""
        return any(job.is_selected and (job.state in BAD_ENDS or job.is_blocked) for job in self.jobs)

    @property
    def interruption(self) -> str:
        """The sentence about an interrupted or killed run, the same in all interfaces; empty after another end."""
        run = self.run
        is_cut = run is not None and not run.is_alive and bool(run.cancelled or not run.ended)
        return interruption(self.experiments) if is_cut else ""

    def summary(self) -> dict[str, Any]:
        """Return JSON-compatible data without the jobs."""
        return {
            "study": self.study,
            "title": self.title,
            "now": self.now,
            "run": self.run.to_json() if self.run else None,
            "counts": self.counts,
            "progress": round(self.progress, 4),
            "left": self.left,
            "interruption": self.interruption,
            "scheduler": self.scheduler,
            "energy": self.energy,
            "active": self.is_active,
            "failed": self.has_failed,
            "problems": list(self.problems),
            "machines": [machine.to_json() for machine in self.machines],
        }

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data."""
        jobs = {"stages": self.stages, "experiments": self.experiments}
        return self.summary() | {kind: [job.to_json() for job in statuses] for kind, statuses in jobs.items()}


def progress(experiments: tuple[JobStatus, ...]) -> float:
    """Return the completed share of the work; experiments that are not selected and still wait do not count."""
    wanted = [experiment for experiment in experiments if experiment.is_selected or experiment.state != WAITING]
    return sum(map(_share, wanted)) / len(wanted) if wanted else 0.0


def _share(job: JobStatus) -> float:
    """Return the completed share of a job; nothing of one that was cancelled, since it runs again from its start."""
    if job.state == CANCELLED:
        return 0.0
    return 1.0 if job.state in ENDS else job.progress / 100


def interruption(experiments: Iterable[JobStatus]) -> str:
    """Return how far an interrupted run came, and how to go on; empty if nothing is left to do."""
    states = [experiment.state for experiment in experiments if experiment.is_selected]
    done, failed = states.count(DONE), states.count(FAILED) + states.count(TIMEOUT)
    if done == len(states):
        return ""
    of_them = f" ({failed} failed)" if failed else ""
    to_go = len(states) - done
    return f"interrupted: {done} of {len(states)} done, {to_go} to go{of_them}; the same command resumes"


def log_path(job: JobStatus, attempt: int | None = None) -> Path:
    """Return the log of an attempt, by default the last; before the first attempt, the log of the rule.

    Raises
    ------
    InputError
        If there was no such attempt.
    """
    paths = JobPaths(Path(job.folder))
    if attempt and not paths.attempt(attempt).is_dir():
        raise InputError([Problem(f"{job.name} has no attempt {attempt}", "attempt", f"1 to {job.attempt}")])
    number = attempt or job.attempt
    return paths.attempt(number) / LOG if number else paths.rule_log


@lru_cache(maxsize=256)  # ten thousand jobs have the same times
def seconds_between(start: str, end: str) -> float:
    """Return the seconds between two times, at least 0: the clocks of two hosts may differ.

    >>> seconds_between("2026-11-20T10:00:00Z", "2026-11-20T10:01:30.500Z")
    90.5
    """
    try:
        passed = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    except (ValueError, TypeError):  # not a time, or only one has a zone
        return 0.0
    return max(0.0, round(passed.total_seconds(), 3))
