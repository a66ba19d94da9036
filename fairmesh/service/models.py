"""What is answered, as OpenAPI shows it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fairmesh.api.run import RUN_STATES
from fairmesh.runner.protocol import STATES
from fairmesh.status.model import EXPERIMENT, STAGE

State = Annotated[str, Field(json_schema_extra={"enum": list(STATES)}, examples=["running"])]


class Answer(BaseModel):
    """Base of what is answered."""


class StudyItem(Answer):
    """A study in a list."""

    name: str
    has_file: bool = Field(description="Whether its study file is here, so that it can be started.")
    has_results: bool


class Studies(Answer):
    """The studies."""

    studies: list[StudyItem]


class StudyRead(StudyItem):
    """A study."""

    text: str = Field(description="The study file; empty if it is not here.")


class Saved(Answer):
    """A study that was saved."""

    name: str
    count: int = Field(description="The number of its experiments.")


class Fault(Answer):
    """A mistake."""

    message: str
    where: str
    allowed: str
    near: str


class Cost(Answer):
    """What experiments ask for."""

    cpu_hours: float
    gpu_hours: float
    without: int = Field(description="How many do not say how long they take.")


class Validity(Answer):
    """Whether a study is right."""

    valid: bool
    errors: list[Fault]
    warnings: list[str]
    name: str
    count: int
    cost: Cost


class Forecasted(Answer):
    """What would become of an experiment."""

    machine: str
    id: str
    key: str
    state: State
    why: str = Field(description="Why it would run; empty if it would not.")
    note: str
    parameters: dict[str, Any]
    axes: dict[str, Any]
    resources: dict[str, Any]


class PlanRead(Answer):
    """A plan."""

    study: str
    machine: str
    total: int
    to_run: int
    cost: Cost = Field(description="Of those that would run.")
    warnings: list[str]
    offset: int
    experiments: list[Forecasted]


class RunRead(Answer):
    """A run."""

    study: str
    uuid: str
    state: Literal[RUN_STATES]  # type: ignore[valid-type]
    alive: bool
    profile: str
    config: dict[str, Any]
    started: str
    ended: str
    exit_code: int | None
    host: str
    pid: int
    executor_run: str
    cancelled: str
    folder: str
    python: str
    output: list[str] = Field(description="What it printed last, if it was started by this service or from Python.")


class Runs(Answer):
    """The runs, the last one first."""

    total: int
    offset: int
    runs: list[RunRead]


class Experiment(Answer):
    """An experiment on a machine, or a shared stage, and how it stands."""

    kind: Literal[EXPERIMENT, STAGE]  # type: ignore[valid-type]
    machine: str
    id: str
    key: str
    state: State
    reason: str
    progress: int
    message: str
    host: str
    job_id: str
    attempt: int
    run: str
    started: str
    ended: str
    seconds: dict[str, float]
    energy: float | None = Field(description="What its result took, in joules, if that was measured.")
    selected: bool
    blocked: bool
    axes: dict[str, Any]


class ExperimentRead(Experiment):
    """An experiment with all that was planned for it."""

    parameters: dict[str, Any]
    resources: dict[str, Any]


class Experiments(Answer):
    """A page of experiments."""

    total: int = Field(description="How many fit.")
    offset: int
    next: int | None = Field(description="Where the next page begins.")
    experiments: list[Experiment]


class RunStatus(Answer):
    """The last run, as the status of a study shows it."""

    uuid: str
    alive: bool
    started: str
    ended: str
    exit_code: int | None


class Summary(Answer):
    """How a study stands."""

    study: str
    title: str
    now: str
    run: RunStatus | None
    counts: dict[str, int]
    progress: float
    left: float | None = Field(description="Seconds that the run will still take, if that can be said.")
    energy: float | None = Field(description="What all results so far took, in joules; null if nothing was measured.")
    active: bool
    failed: bool
    scheduler: str = Field(description="That the scheduler does not answer; empty if it does, or need not be asked.")
    problems: list[str] = Field(description="Files that are there and cannot be read; what they would say is left out.")


class Steered(Answer):
    """What was done."""

    run: RunRead
    jobs: list[Experiment] = Field(description="What it was done to, as it stood before.")
    notes: list[str]


class Log(Answer):
    """A part of a log."""

    lines: list[str]
    offset: int
    next: int = Field(description="Where the next part begins.")
    size: int
    over: bool = Field(description="Whether nobody writes any more.")


class Artefact(Answer):
    """A file that an attempt left."""

    name: str
    bytes: int
    href: str


class Artefacts(Answer):
    """The files that an attempt left."""

    artefacts: list[Artefact]


class Results(Answer):
    """A page of results: a row an experiment."""

    study: str
    title: str
    total: int
    offset: int
    next: int | None
    columns: list[str]
    units: dict[str, str]
    better: dict[str, str]
    rows: list[list[Any]]


class Machine(Answer):
    """A machine."""

    name: str
    kind: str
    scheduler: str
    gpus: list[str]
    profiles: list[str] = Field(description="What `profile` may be to run there.")


class Machines(Answer):
    """The machines."""

    machines: list[Machine]


class Health(Answer):
    """That the service works."""

    status: Literal["ok"]
    version: str
    studies: int
    free_bytes: int = Field(description="On the disk of the results.")
