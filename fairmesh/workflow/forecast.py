"""Forecast which experiments of a plan would run, and why. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.runner import jsonfiles, protocol
from fairmesh.runner.claims import Claims
from fairmesh.runner.protocol import DONE, WAITING
from fairmesh.status import JobStatus, Reader
from fairmesh.status.model import ACTIVE
from fairmesh.study import Experiment, Plan
from fairmesh.study.difference import changed_values
from fairmesh.workflow import reconcile

NEW = "new"


@dataclass(frozen=True)
class Forecast:
    """The forecast for an experiment.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    state : str
        One of the runner's states.
    why : str
        Why it would run; empty if it would not.
    note : str
        A note on the state; may be empty.
    """

    experiment: Experiment
    state: str
    why: str = ""
    note: str = ""


def forecast(plan: Plan, paths: StudyPaths) -> Iterator[Forecast]:
    """Yield the forecast for each selected experiment.

    Parameters
    ----------
    plan : Plan
        The plan.
    paths : StudyPaths
        The study's files.
    """
    if not paths.folder.is_dir():
        yield from (Forecast(experiment, WAITING, NEW) for experiment in plan.selected)
        return
    document = plan.to_json() | {"application": {"name": plan.application.name}}
    statuses = Reader(paths, is_cached=False, plan=document).read().experiments
    by_name = {(status.machine, status.id): status for status in statuses}
    previous = reconcile.previous_results(plan, paths)
    for experiment in plan.selected:
        status = by_name[experiment.machine, experiment.id]
        yield _forecast_one(experiment, status, plan.application.version, previous)


def _forecast_one(
    experiment: Experiment, status: JobStatus, version: str, previous: Mapping[str, dict[str, Any]]
) -> Forecast:
    if status.state == DONE:
        return Forecast(experiment, DONE)
    if status.state in ACTIVE:
        return Forecast(experiment, status.state, note="runs already")
    job = JobPaths(Path(status.folder))
    result = reconcile.find_previous_result(experiment, previous)
    if result and not job.attempts.exists():
        return Forecast(experiment, DONE, note=f"was {result['id']}")
    if status.state in BAD_ENDS:
        why = f"{status.state} before: {status.reason}" if status.reason else f"{status.state} before"
        return Forecast(experiment, status.state, why)
    if status.attempt and status.reason:
        return Forecast(experiment, status.state, status.reason)
    last = job.attempt(Claims(status.folder).highest())
    old = jsonfiles.read_map(str(job.commit)) or jsonfiles.read_map(str(last / protocol.EXPERIMENT))
    return Forecast(experiment, WAITING, changes(old, experiment.parameters, version) if old else NEW)


def changes(old: Mapping[str, Any], parameters: Mapping[str, Any], version: str) -> str:
    """Return how an experiment differs from what was computed before for the same id.

    Parameters
    ----------
    old : mapping
        A commit or an experiment.json.
    parameters : mapping
        The planned parameters.
    version : str
        The current version of the application.

    Examples
    --------
    >>> changes({"parameters": {"epochs": 1}}, {"epochs": 2}, "1.0")
    'changed: epochs 1 → 2'
    """
    words = changed_values(old.get("parameters") or {}, parameters)
    former_version = (old.get("application") or {}).get("version", version)
    if former_version != version:
        words.append(f"version {former_version} → {version}")
    return "changed: " + ", ".join(words or ["a command, or a stage that it needs"])
