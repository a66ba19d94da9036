"""Models of response bodies, for OpenAPI."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from fairmesh.api.run import RUN_STATES
from fairmesh.errors import Problem
from fairmesh.printing import one_line
from fairmesh.runner.protocol import STATES
from fairmesh.status.machines import MACHINE_MEANINGS
from fairmesh.status.model import EXPERIMENT, STAGE

State = Annotated[str, Field(json_schema_extra={"enum": list(STATES)}, examples=["running"])]


class ResponseBody(BaseModel):
    """Base of response bodies."""


class StudyItem(ResponseBody):
    """A study in a list."""

    name: str
    has_file: bool = Field(description="Whether its study file is in this project, so that it can be run.")
    has_results: bool


class Studies(ResponseBody):
    """The studies."""

    studies: list[StudyItem]


class StudyRead(StudyItem):
    """A study."""

    text: str = Field(description="The study file; empty if there is none.")


class Saved(ResponseBody):
    """A study that was saved."""

    name: str
    count: int = Field(description="The number of its experiments.")


class Mistake(BaseModel):
    """A mistake in a request or a study."""

    message: str = Field(examples=["quick has no 'epoch'"])
    where: Annotated[str, Field(description="The key, parameter, or position in a file.", examples=["where"])] = ""
    allowed: Annotated[str, Field(description="The allowed values, if they can be listed.")] = ""
    near: Annotated[str, Field(description="The nearest valid name.", examples=["epochs"])] = ""

    @classmethod
    def of(cls, problem: Problem) -> Mistake:
        """Return a problem of a file or an argument as a response."""
        return cls(**{name: one_line(getattr(problem, name)) for name in cls.model_fields})


class CostRead(ResponseBody):
    """The hours that experiments request."""

    cpu_hours: float
    gpu_hours: float
    without: int = Field(description="The number of experiments without a run time.")


class Validity(ResponseBody):
    """Whether a study is valid."""

    valid: bool
    errors: list[Mistake]
    warnings: list[str]
    name: str
    count: int
    cost: CostRead


NAME = Field(description="Its name for people: the axes that vary within the study.", examples=["epochs=4 #2"])


class PlanItem(ResponseBody):
    """An experiment, and whether it would run."""

    machine: str
    id: str
    key: str
    name: str = NAME
    state: State
    why: str = Field(description="Why it would run; empty if it would not.")
    note: str
    parameters: dict[str, Any]
    axes: dict[str, Any]
    resources: dict[str, Any]


class PlanRead(ResponseBody):
    """A plan."""

    study: str
    machine: str
    total: int
    to_run: int
    cost: CostRead = Field(description="Of the experiments that would run.")
    warnings: list[str]
    offset: int
    experiments: list[PlanItem]


class TotalRead(ResponseBody):
    """A total over experiments with its interval; null where it is unknown."""

    value: float | None
    low: float | None
    high: float | None
    known: int = Field(description="The number of experiments with an estimate.")
    unknown: int = Field(description="The number of experiments without one; the total does not include them.")


class PredictionRead(ResponseBody):
    """The estimate of a quantity of an experiment with its interval; null where it is unknown."""

    value: float | None
    low: float | None
    high: float | None
    basis: str = Field(description="`repeats` of the same parameters, a `fit`, or scaled by what is `requested`.")
    remarks: list[str] = Field(description="What lies beyond the measurements.")
    why: str = Field(description="Why there is no value or no interval; empty if there are both.")


class ExperimentEstimateRead(ResponseBody):
    """The estimates of an experiment."""

    machine: str
    id: str
    seconds: PredictionRead
    memory_bytes: PredictionRead
    storage_bytes: PredictionRead
    energy_j: PredictionRead


class MachineEstimateRead(ResponseBody):
    """What the experiments will probably use on a machine."""

    machine: str
    experiments: int
    at_once: int
    seconds: TotalRead
    wall: TotalRead = Field(description="Seconds from start to end, without waiting in a queue.")
    longest: TotalRead = Field(description="Seconds of the longest experiment.")
    core_hours: TotalRead
    memory: TotalRead = Field(description="Bytes of the largest experiment.")
    storage: TotalRead
    energy: TotalRead = Field(description="Joules.")
    energy_basis: str
    cost: TotalRead
    currency: str = Field(description="Empty if the machine has no price.")
    cost_basis: str


class BackTestRead(ResponseBody):
    """Earlier results that were estimated from the others: how many of them are in their interval."""

    results: int
    within: int
    level: float
    typical_error: float | None
    without_interval: int


class SourceRead(ResponseBody):
    """The number of earlier results of a study on a machine."""

    study: str
    machine: str
    count: int


class EstimateRead(ResponseBody):
    """What the experiments that would run will probably use."""

    study: str
    machine: str
    selected: int
    to_run: int
    level: float = Field(description="The level of the intervals.")
    seconds: TotalRead
    wall: TotalRead
    machines: list[MachineEstimateRead]
    stages: dict[str, float | None]
    remarks: dict[str, int] = Field(description="What lies beyond the measurements, with the number of experiments.")
    reasons: dict[str, int] = Field(description="Why there is no value or no interval, with the number of experiments.")
    law: str = Field(description="The law that was fitted to run times.")
    back_tests: dict[str, BackTestRead]
    rests_on: list[SourceRead]
    offset: int
    experiments: list[ExperimentEstimateRead]


class RunRead(ResponseBody):
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
    output: list[str] = Field(description="The last lines that it printed, if this service or Python started it.")


class Runs(ResponseBody):
    """A page of runs, the latest first."""

    total: int
    offset: int
    runs: list[RunRead]


class ExperimentItem(ResponseBody):
    """The status of an experiment on a machine, or of a shared stage."""

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
    energy: float | None = Field(description="The energy of its result in joules, if it was measured.")
    metrics: dict[str, float] = Field(description="The metrics of its result; empty until it has one.")
    name: str = NAME
    selected: bool
    blocked: bool
    axes: dict[str, Any]


class ExperimentRead(ExperimentItem):
    """An experiment with its planned parameters and resources."""

    parameters: dict[str, Any]
    resources: dict[str, Any]


class Experiments(ResponseBody):
    """A page of experiments."""

    total: int = Field(description="The number of matching experiments.")
    offset: int
    next: int | None = Field(description="Where the next page begins.")
    experiments: list[ExperimentItem]


class RunItem(ResponseBody):
    """The last run, as the status of a study shows it."""

    uuid: str
    alive: bool
    started: str
    ended: str
    exit_code: int | None


class ComputerStatusRead(ResponseBody):
    """One of several computers of a machine."""

    name: str
    state: str
    reason: str


class MachineStatusRead(ResponseBody):
    """A remote machine of a study, as the study's run last saw it."""

    machine: str
    host: str
    state: Annotated[str, Field(json_schema_extra={"enum": list(MACHINE_MEANINGS)}, examples=["connected"])]
    reason: str
    since: str = Field(description="The time since which it is in this state.")
    last_seen: str = Field(description="The time of its last answer; empty if there was none.")
    jobs: dict[str, int] = Field(description="The number of the study's experiments and stages there, by state.")
    computers: list[ComputerStatusRead] = Field(description="Its computers, if there are several.")


class MachineStatuses(ResponseBody):
    """The remote machines of a study."""

    machines: list[MachineStatusRead]


class StatusRead(ResponseBody):
    """The status of a study."""

    study: str
    title: str
    now: str
    run: RunItem | None
    counts: dict[str, int]
    progress: float
    left: float | None = Field(description="Estimated seconds until the end of the run, if known.")
    interruption: str = Field(description="How far an interrupted run came, and how to resume it; otherwise empty.")
    energy: float | None = Field(description="The energy of all results in joules; null if nothing was measured.")
    active: bool
    failed: bool
    scheduler: str = Field(description="A note if the scheduler does not answer; otherwise empty.")
    problems: list[str] = Field(description="Files that cannot be read, and are left out.")
    machines: list[MachineStatusRead] = Field(description="The remote machines; one that is paused is no failure.")


class SteeringRead(ResponseBody):
    """The effect of a request to cancel."""

    run: RunRead
    jobs: list[ExperimentItem] = Field(description="The experiments concerned, as they were before.")
    notes: list[str]


class Log(ResponseBody):
    """A part of a log."""

    lines: list[str]
    offset: int
    next: int = Field(description="Where the next part begins.")
    size: int
    over: bool = Field(description="Whether the log is complete.")


class ArtefactItem(ResponseBody):
    """A file that an attempt wrote."""

    name: str
    bytes: int
    href: str


class Artefacts(ResponseBody):
    """The files that an attempt wrote."""

    artefacts: list[ArtefactItem]


class MachineSide(ResponseBody):
    """A machine with results."""

    machine: str
    owner: str = Field(description="The persons and organizations of its results; empty if unknown.")
    n: int = Field(description="The number of its results.")
    of: int = Field(description="The number of its experiments.")
    hardware: dict[str, str]


class MachineChange(ResponseBody):
    """A quantity on a machine, compared with the reference."""

    ratio: float | None = Field(default=None, description="Of times, energies, sizes and rates.")
    difference: float | None = Field(default=None, description="Of all other quantities.")
    low: float | None = Field(description="The lower end of the 95 % interval.")
    high: float | None = Field(description="The upper end of the 95 % interval.")
    points: int
    pairs: int
    basis: Literal["repeats", "points"] | None = Field(description="What the interval is computed from.")
    is_rough: bool = Field(description="Whether the interval is based on few pairs.")
    reference: float = Field(description="The mean of the reference over the common points; geometric for ratios.")
    value: float = Field(description="The mean of the machine over the common points; geometric for ratios.")
    least: float = Field(description="The smallest ratio or difference of a single point.")
    most: float = Field(description="The largest ratio or difference of a single point.")
    noise: dict[str, str] = Field(description="`state` (noise, different, unknown), `basis`, and `words`.")


class Quantity(ResponseBody):
    """A metric or a used resource on all machines."""

    name: str
    title: str
    unit: str
    better: Literal["higher", "lower"] | None
    is_ratio: bool
    is_usage: bool
    machines: list[MachineChange | None] = Field(description="By machine; null for the reference.")


class MachineComparison(ResponseBody):
    """The machines of a study, each compared with a reference."""

    kind: Literal["machines"]
    study: str
    reference: str
    machines: list[MachineSide]
    quantities: list[Quantity]
    notes: list[str]
    method: str


class Results(ResponseBody):
    """A page of results, with a row for each experiment."""

    study: str
    title: str
    total: int
    offset: int
    next: int | None
    columns: list[str]
    units: dict[str, str]
    better: dict[str, str]
    rows: list[list[Any]]


class MachineItem(ResponseBody):
    """A machine."""

    name: str
    kind: str
    scheduler: str
    gpus: list[str]
    profiles: list[str] = Field(description="The profiles that run there.")


class Machines(ResponseBody):
    """The machines."""

    machines: list[MachineItem]


class Health(ResponseBody):
    """The health of the service."""

    status: Literal["ok"]
    version: str
    studies: int
    free_bytes: int = Field(description="Free space on the disk of the results.")
