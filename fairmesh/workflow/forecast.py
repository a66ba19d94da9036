"""Forecast which experiments of a plan would run, and why. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fairmesh.jobs.lookup import has_begun, has_other_code
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
from fairmesh.workflow.code_hash import code_hash

NEW = "new"
OTHER_CODE = "measured with other code"


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
    environment : str or None
        The name of the environment's file of a result that was measured with other code.
    """

    experiment: Experiment
    state: str
    why: str = ""
    note: str = ""
    environment: str | None = None


def forecast(plan: Plan, paths: StudyPaths, reruns_other_code: bool = False) -> Iterator[Forecast]:
    """Yield the forecast for each selected experiment.

    Parameters
    ----------
    plan : Plan
        The plan.
    paths : StudyPaths
        The study's files.
    reruns_other_code : bool
        Whether results that were measured with other code are measured again.
    """
    if not paths.folder.is_dir():
        yield from (Forecast(experiment, WAITING, NEW) for experiment in plan.selected)
        return
    document = plan.to_json() | {"application": {"name": plan.application.name}}
    reader = Reader(paths, is_cached=False, is_whole=True, plan=document)
    statuses = reader.read().experiments
    by_name = {(status.machine, status.id): status for status in statuses}
    results = {(status.machine, status.id): facts.good for status, facts in zip(statuses, reader.facts, strict=True)}
    previous = reconcile.previous_results(plan, paths)
    code = code_hash(plan.application).sha256 if any(results.values()) else ""
    for experiment in plan.selected:
        name = (experiment.machine, experiment.id)
        prediction = _forecast_one(experiment, by_name[name], plan.application.version, previous)
        yield (
            _with_code(prediction, results[name], reruns_other_code)
            if has_other_code(results[name], code)
            else prediction
        )


def _with_code(prediction: Forecast, result: Mapping[str, Any], reruns: bool) -> Forecast:
    """Return the forecast for an experiment whose result was measured with other code."""
    environment = str(result.get("environment") or "")
    if reruns:
        return replace(prediction, environment=environment, why=OTHER_CODE)
    return replace(prediction, environment=environment, note=OTHER_CODE)


def _forecast_one(
    experiment: Experiment, status: JobStatus, version: str, previous: Mapping[str, dict[str, Any]]
) -> Forecast:
    if status.state == DONE:
        return Forecast(experiment, DONE)
    if status.state in ACTIVE:
        return Forecast(experiment, status.state, note="runs already")
    job = JobPaths(Path(status.folder))
    result = reconcile.find_previous_result(experiment, previous)
    if result and not has_begun(job):
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
