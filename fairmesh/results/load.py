"""A results folder becomes a study's outcomes: every planned point with its record, or with why it has none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from fairmesh.errors import FairmeshError
from fairmesh.files import read_json
from fairmesh.runner.text import last_lines
from fairmesh.jobs.attempts import Stages, last_attempt, read_map
from fairmesh.names import experiment_key, primary_name
from fairmesh.results.metrics import Metric, MetricValue, finite
from fairmesh.runner.protocol import (
    ATTEMPTS,
    DONE,
    ENVIRONMENTS,
    EXPERIMENTS,
    FAILED,
    LOG,
    RECORDS,
    STATES,
    STATUS,
    WAITING,
)

PLAN = "plan.json"
ENERGY_METHOD = "energy_method"


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
        """Give the last lines of the attempt's log, as a terminal would show them in the end."""
        return last_lines(self.attempt / LOG, lines) if self.attempt else []


@dataclass(frozen=True)
class StudyResults:
    """A study's plan with the outcomes of its points, in the order of the plan."""

    folder: Path
    plan: dict[str, Any]
    experiments: list[Outcome]

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
        return metrics.get(primary_name(metrics))

    @property
    def unmeasured(self) -> list[Metric]:
        """The declared metrics that no experiment with a result has."""
        measured = {name for outcome in self.done for name in outcome.metrics}
        return [metric for metric in self.metrics if measured and metric.name not in measured]

    def environment(self, outcome: Outcome) -> dict[str, Any]:
        """Give the environment that a record refers to, empty if it is not on file."""
        digest = str((outcome.record or {}).get("environment") or "")
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            return {}
        return read_map(self.folder.parent / ENVIRONMENTS / f"{digest}.json")


def load_study(results: Path, study: str) -> StudyResults:
    """Load a study's plan and the outcomes of its points.

    A point counts on its planned machine, and on every machine that has a record of it with the planned fingerprint.

    Raises
    ------
    FairmeshError
        If there is no readable plan.
    """
    folder = results / study
    try:
        plan = read_json(folder / PLAN)
        experiments = list(_outcomes(folder, plan["experiments"], Stages(folder.parent, plan["application"]["name"])))
    except FileNotFoundError:
        raise FairmeshError(f"{folder / PLAN}: no such file; the workflow writes it when it runs the study") from None
    except (KeyError, TypeError) as error:
        raise FairmeshError(f"{folder / PLAN}: not a plan: {error}") from error
    return StudyResults(folder, plan, experiments)


def _outcomes(folder: Path, points: list[dict[str, Any]], stages: Stages) -> Iterator[Outcome]:
    planned = {(point["machine"], point["id"]) for point in points}
    recorded = _recorded(folder / RECORDS)
    for point in points:
        outcome = _outcome(folder, point, point["machine"], point["id"] in recorded.get(point["machine"], ()))
        blocked = stages.reason(point.get("stages") or {}) if outcome.state == WAITING and not outcome.reason else ""
        yield replace(outcome, reason=blocked, is_blocked=True) if blocked else outcome
        for machine, ids in recorded.items():
            if point["id"] in ids and (machine, point["id"]) not in planned:
                planned.add((machine, point["id"]))
                outcome = _outcome(folder, point, machine, recorded=True)
                if outcome.record is not None:
                    yield outcome


def _recorded(records: Path) -> dict[str, set[str]]:
    """Give the ids of each machine that have a record file."""
    machines = sorted(path for path in records.glob("*") if path.is_dir())
    return {machine.name: {path.name.removesuffix(".json") for path in machine.glob("*.json")} for machine in machines}


def _outcome(folder: Path, point: dict[str, Any], machine: str, recorded: bool) -> Outcome:
    own = folder / EXPERIMENTS / machine / point["id"]
    record, broken = _record(folder / RECORDS / machine / f"{point['id']}.json", point) if recorded else (None, "")
    attempt = own / ATTEMPTS / str(record["attempt"]) if record else last_attempt(own, point["fingerprint"])
    status = read_map(attempt / STATUS) if attempt else {}
    if record:
        state, reason = DONE, ""
    elif broken:
        state, reason = FAILED, broken
    else:
        state, reason = _unfinished(status, bool(point.get("selected", True)))
    return Outcome(
        machine=machine,
        id=point["id"],
        key=experiment_key(folder.name, machine, point["id"]),
        parameters=point["parameters"],
        axes=point["axes"],
        resources=point.get("resources") or {},
        fingerprint=point["fingerprint"],
        state=state,
        reason=reason,
        record=record,
        status=status,
        folder=own,
        attempt=attempt,
    )


def _record(path: Path, point: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
    """Give the record if it is a result of this point, else what is wrong with the file."""
    try:
        record = read_json(path)
        if record["fingerprint"] != point["fingerprint"]:
            return None, ""
        check_record(record)
    except (FairmeshError, OSError, KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        return None, f"its record cannot be read: {type(error).__name__}: {error}"
    return record, ""


def check_record(record: dict[str, Any]) -> None:
    """Raise if a part is not what its readers take it for: records also come from elsewhere.

    Raises
    ------
    KeyError, TypeError, AttributeError, ValueError, OverflowError
        If one is not.
    """
    int(record["attempt"])
    for measured in (record["metrics"] or {}, *(record.get("baselines") or {}).values()):
        for value in measured.values():
            MetricValue.from_json(value)
    usage = {"seconds": record.get("seconds"), **(record.get("usage") or {})}
    for name, value in usage.items():
        if name != ENERGY_METHOD and value is not None:
            finite(value)


def _unfinished(status: dict[str, Any], selected: bool) -> tuple[str, str]:
    """Give state and reason of a point without a record."""
    state = status.get("state", WAITING)
    if state == DONE:
        return WAITING, "finished, but its record is missing; the next run restores it"
    if state not in STATES:
        return WAITING, ""
    if state == WAITING and not selected:
        return WAITING, "not selected in the last run"
    return state, str(status.get("reason") or "")
