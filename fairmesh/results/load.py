"""A results folder becomes a study's outcomes: every planned point with its record, or with why it has none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.environments import read_environment
from fairmesh.status import JobStatus, Reader
from fairmesh.status.facts import Facts
from fairmesh.names import find_primary_metric
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.runner.protocol import ATTEMPTS, ENVIRONMENTS, LOG
from fairmesh.runner.text import last_lines

PLAN = "plan.json"


@dataclass(frozen=True)
class Outcome:
    """A point of the plan on one machine, and what became of it.

    Parameters
    ----------
    machine, id, key : str
        The identity of the experiment.
    parameters, axes, resources : dict
        As planned.
    fingerprint : str
        What it computes.
    state, reason : str
        One of ``fairmesh.runner.protocol.STATES``, and why, if it is not done.
    record : dict or None
        The finished result; None unless the state is done.
    status : dict
        ``status.json`` of the attempt, empty if there is none.
    folder, attempt : Path, Path or None
        The experiment's folder, and the attempt that the state speaks of; either may have been deleted.
    is_blocked : bool
        Whether it waits for a stage that failed; the reason says which.
    """

    machine: str
    id: str
    key: str
    parameters: dict[str, Any]
    axes: dict[str, Any]
    resources: dict[str, Any]
    fingerprint: str
    state: str
    reason: str
    record: dict[str, Any] | None
    status: dict[str, Any]
    folder: Path
    attempt: Path | None
    is_blocked: bool = False

    @cached_property
    def metrics(self) -> dict[str, MetricValue]:
        """The measured metrics; none unless the experiment is done."""
        found = (self.record or {}).get("metrics") or {}
        return {name: MetricValue.from_json(value) for name, value in found.items()}

    @cached_property
    def baselines(self) -> dict[str, dict[str, MetricValue]]:
        """What simpler methods reach on the same data: by name of the baseline and of the metric."""
        found = (self.record or {}).get("baselines") or {}
        return {
            name: {metric: MetricValue.from_json(value) for metric, value in measured.items()}
            for name, measured in found.items()
        }

    @property
    def seconds(self) -> float | None:
        """The time from start to end in seconds, if the experiment is done."""
        return (self.record or {}).get("seconds")

    @property
    def node(self) -> str:
        """The computer that it ran on, by the scheduler's name where there is one; empty if nobody knows any more."""
        return str(self.status.get("node") or self.status.get("host") or "")

    @property
    def usage(self) -> dict[str, Any]:
        """CPU time, peak memory, I/O and energy, with the keys of the record."""
        return (self.record or {}).get("usage") or {}

    def used(self, name: str) -> float | None:
        """Return the seconds or something else that was used; None if it is not known."""
        return self.seconds if name == "seconds" else self.usage.get(name)

    @property
    def values(self) -> dict[str, Any]:
        """The value of every axis, then of every other parameter."""
        return {**self.axes, **self.parameters}

    def log_tail(self, lines: int = 20) -> list[str]:
        """Return the last lines of the attempt's log, as a terminal would show them in the end."""
        return last_lines(self.attempt / LOG, lines) if self.attempt else []


@dataclass(frozen=True)
class StudyResults:
    """A study's plan with the outcomes of its points, in the order of the plan.

    Parameters
    ----------
    folder : Path
        The study's folder in the results.
    plan : dict
        Its plan.
    experiments : list of Outcome
        What became of each point.
    problems : list of str
        The files that are there and cannot be read, a line each; what they would say is left out.
    """

    folder: Path
    plan: dict[str, Any]
    experiments: list[Outcome]
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the study, which is the name of its folder."""
        return self.folder.name

    @property
    def done(self) -> list[Outcome]:
        """The outcomes that have a record."""
        return [outcome for outcome in self.experiments if outcome.record is not None]

    @cached_property
    def metrics(self) -> list[Metric]:
        """The metrics as declared, then those that only the records know."""
        declared = self.plan["application"].get("metrics") or {}
        measured = {name for outcome in self.done for name in outcome.metrics}
        names = [*declared, *sorted(measured - declared.keys())]
        return [Metric.from_plan(name, declared.get(name) or {}) for name in names]

    @property
    def primary(self) -> Metric | None:
        """The metric that ranks the experiments, as ``fairmesh.names.primary_name`` has it."""
        metrics = {metric.name: metric for metric in self.metrics}
        return metrics.get(find_primary_metric(metrics))

    @property
    def unmeasured(self) -> list[Metric]:
        """The declared metrics that no experiment with a result has."""
        measured = {name for outcome in self.done for name in outcome.metrics}
        return [metric for metric in self.metrics if measured and metric.name not in measured]

    def environment(self, outcome: Outcome) -> dict[str, Any]:
        """Return the environment that a record refers to, empty if it is not on file."""
        digest = str((outcome.record or {}).get("environment") or "")
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            return {}
        if digest not in self._environments:
            self._environments[digest] = self._read_environment(digest)
        return self._environments[digest]

    @cached_property
    def _environments(self) -> dict[str, dict[str, Any]]:
        return {}

    def _read_environment(self, digest: str) -> dict[str, Any]:
        found, problem = read_environment(self.folder.parent / ENVIRONMENTS / f"{digest}.json")
        self.problems.extend(filter(None, [problem]))
        return found


def load_study(results: Path, study: str) -> StudyResults:
    """Load a study's plan and the outcomes of its points.

    A point counts on its planned machine, and on every machine that has a record of it with the planned fingerprint.
    States and reasons are those of `fairmesh.status`, which every face shows.

    Raises
    ------
    FairmeshError
        If there is no readable plan.
    """
    reader = Reader(StudyPaths(results, study), again=False, is_whole=True)
    status = reader.read()
    experiments = list(map(_outcome, status.experiments, reader.facts))
    return StudyResults(results / study, dict(reader.plan()), experiments, list(status.problems))


def _outcome(job: JobStatus, facts: Facts) -> Outcome:
    folder = Path(job.folder)
    return Outcome(
        machine=job.machine,
        id=job.id,
        key=job.key,
        parameters=job.point["parameters"],
        axes=job.point["axes"],
        resources=job.point.get("resources") or {},
        fingerprint=job.point["fingerprint"],
        state=job.state,
        reason=job.reason,
        record=dict(facts.good) or None,
        status=dict(facts.status),
        folder=folder,
        attempt=folder / ATTEMPTS / str(facts.attempt) if facts.attempt else None,
        is_blocked=job.is_blocked,
    )
