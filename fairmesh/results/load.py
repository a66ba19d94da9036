"""Load a study from the results folder: every planned experiment with its record, or the reason why it has none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import read_environment, read_map
from fairmesh.names import find_primary_metric
from fairmesh.results.metrics import Metric, MetricValue
from fairmesh.results.owners import NO_OWNER, ResultOwner
from fairmesh.runner.protocol import ATTEMPTS, ENVIRONMENTS, EXPERIMENT, LOG
from fairmesh.runner.text import last_lines
from fairmesh.short_names import ExperimentFinder, ShortNames
from fairmesh.status import JobStatus, Reader
from fairmesh.status.job_files import Facts

PLAN = "plan.json"


@dataclass(frozen=True)
class Outcome:
    """A planned experiment on one machine, with its state and result.

    Parameters
    ----------
    machine, id, key : str
        Identity of the experiment.
    parameters, axes, resources : dict
        As planned.
    fingerprint : str
        Hash of what it computes.
    state, reason : str
        One of ``fairmesh.runner.protocol.STATES``, and the reason if it is not done.
    record : dict or None
        The finished result; None unless the state is done.
    status : dict
        ``status.json`` of the attempt, empty if there is none.
    folder, attempt : Path, Path or None
        Folders of the experiment and of the attempt that the state refers to; they may have been deleted.
    is_blocked : bool
        Whether it waits for a stage that failed.
    owner : ResultOwner
        The organization and person that it belongs to; empty without an attempt.
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
    owner: ResultOwner = NO_OWNER

    @cached_property
    def metrics(self) -> dict[str, MetricValue]:
        """The measured metrics; none unless the experiment is done."""
        metrics = (self.record or {}).get("metrics") or {}
        return {name: MetricValue.from_json(value) for name, value in metrics.items()}

    @cached_property
    def baselines(self) -> dict[str, dict[str, MetricValue]]:
        """Metrics of simpler methods on the same data, by baseline."""
        baselines = (self.record or {}).get("baselines") or {}
        return {
            name: {metric: MetricValue.from_json(value) for metric, value in measured.items()}
            for name, measured in baselines.items()
        }

    @property
    def seconds(self) -> float | None:
        """Duration in seconds, if the experiment is done."""
        return (self.record or {}).get("seconds")

    @property
    def node(self) -> str:
        """The node or host that it ran on; empty if unknown."""
        return str(self.status.get("node") or self.status.get("host") or "")

    @property
    def usage(self) -> dict[str, Any]:
        """Resource usage, with the keys of the record."""
        return (self.record or {}).get("usage") or {}

    def used(self, name: str) -> float | None:
        """Return ``seconds`` or an entry of the usage; None if unknown."""
        return self.seconds if name == "seconds" else self.usage.get(name)

    @property
    def values(self) -> dict[str, Any]:
        """Axes, then all other parameters."""
        return {**self.axes, **self.parameters}

    def log_tail(self, lines: int = 20) -> list[str]:
        """Return the last lines of the attempt's log, as a terminal shows them."""
        return last_lines(self.attempt / LOG, lines) if self.attempt else []


@dataclass(frozen=True)
class StudyResults:
    """A study's plan with the outcomes of its experiments, in the order of the plan.

    Parameters
    ----------
    folder : Path
        The folder of the study.
    plan : dict
        Its plan.
    experiments : list of Outcome
        The outcomes.
    problems : list of str
        Files that cannot be read, one message each; their content is left out.
    """

    folder: Path
    plan: dict[str, Any]
    experiments: list[Outcome]
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The name of the study, which is the name of its folder."""
        return self.folder.name

    @cached_property
    def names(self) -> ShortNames:
        """The short names of its experiments."""
        return ShortNames.of_plan(self.plan)

    @cached_property
    def finder(self) -> ExperimentFinder[Outcome]:
        """What finds experiments by the names that people write."""
        return ExperimentFinder(self.name, self.experiments, self.names)

    @property
    def done(self) -> list[Outcome]:
        """The outcomes that have a record."""
        return [outcome for outcome in self.experiments if outcome.record is not None]

    @cached_property
    def metrics(self) -> list[Metric]:
        """Declared metrics, then those that only records have."""
        declared = self.plan["application"].get("metrics") or {}
        measured = {name for outcome in self.done for name in outcome.metrics}
        names = [*declared, *sorted(measured - declared.keys())]
        return [Metric.from_plan(name, declared.get(name)) for name in names]

    @property
    def primary(self) -> Metric | None:
        """The metric that ranks experiments: see ``fairmesh.names.find_primary_metric``."""
        metrics = {metric.name: metric for metric in self.metrics}
        return metrics.get(find_primary_metric(metrics))

    @property
    def unmeasured(self) -> list[Metric]:
        """Declared metrics that no result has."""
        measured = {name for outcome in self.done for name in outcome.metrics}
        return [metric for metric in self.metrics if measured and metric.name not in measured]

    def environment(self, outcome: Outcome) -> dict[str, Any]:
        """Return the environment that a record refers to; empty if its file is missing."""
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
        environment, problem = read_environment(self.folder.parent / ENVIRONMENTS / f"{digest}.json")
        self.problems.extend(filter(None, [problem]))
        return environment


def load_study(results: Path, study: str) -> StudyResults:
    """Load a study's plan and the outcomes of its points.

    An experiment is included for its planned machine, and for every machine that has a record with the planned
    fingerprint. States and reasons come from `fairmesh.status`.

    Raises
    ------
    FairmeshError
        If there is no readable plan.
    """
    reader = Reader(StudyPaths(results, study), is_cached=False, is_whole=True)
    status = reader.read()
    plan = dict(reader.plan())
    owner = ResultOwner.of_publisher(plan.get("publisher") or {})
    experiments = [_outcome(job, facts, owner) for job, facts in zip(status.experiments, reader.facts, strict=True)]
    return StudyResults(results / study, plan, experiments, list(status.problems))


def _outcome(job: JobStatus, facts: Facts, publisher: ResultOwner) -> Outcome:
    """Return the outcome of an experiment; what names no owner is the publisher's."""
    folder = Path(job.folder)
    owned = dict(facts.good) or (read_map(folder / EXPERIMENT) if facts.attempt else {"owner": {}})
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
        owner=ResultOwner.read(owned["owner"]) if "owner" in owned else publisher,
    )
