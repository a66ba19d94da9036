"""Which experiments of a plan would run, and why: what is already there, held against the plan. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fairmesh.jobs import lookup
from fairmesh.jobs.lookup import FolderState
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.runner import jsonfiles, protocol
from fairmesh.runner.claims import Claims
from fairmesh.study import Experiment, Plan
from fairmesh.study.difference import changed_values
from fairmesh.workflow import reconcile

NEW = "new"


@dataclass(frozen=True)
class Forecast:
    """What would become of an experiment.

    Parameters
    ----------
    experiment : Experiment
        Of the plan.
    state : str
        One of the runner's states.
    why : str
        Why it would run; empty if it would not.
    note : str
        What else is to be said of the state.
    """

    experiment: Experiment
    state: str
    why: str = ""
    note: str = ""


def forecast(plan: Plan, paths: StudyPaths) -> Iterator[Forecast]:
    """Return for each selected experiment whether it would run, and why.

    Parameters
    ----------
    plan : Plan
        What is wanted.
    paths : StudyPaths
        What is there.
    """
    if not paths.folder.is_dir():
        yield from (Forecast(each, protocol.WAITING, NEW) for each in plan.selected)
        return
    former = reconcile.previous_results(plan, paths)
    for each in plan.selected:
        yield _one(each, plan.application.version, paths, former)


def _one(each: Experiment, version: str, paths: StudyPaths, former: Mapping[str, dict[str, Any]]) -> Forecast:
    job = paths.job(each.machine, each.id)
    found = lookup.folder_state(job, each.fingerprint)
    if found is FolderState.COMMIT or lookup.is_current(paths.record(each.machine, each.id), each.fingerprint):
        return Forecast(each, protocol.DONE)
    if found is FolderState.ACTIVE:
        return Forecast(each, _status(job).get("state", protocol.QUEUED), note="runs already")
    stands_for = reconcile.find_previous_result(each, former)
    if stands_for and not job.attempts.exists():
        return Forecast(each, protocol.DONE, note=f"was {stands_for['id']}")
    return _to_run(each, version, job)


def _to_run(each: Experiment, version: str, job: JobPaths) -> Forecast:
    old = jsonfiles.read_map(str(job.commit))
    status = _status(job)
    attempted = jsonfiles.read_map(str(_last_attempt(job) / protocol.EXPERIMENT)) or {}
    if attempted.get("fingerprint") == each.fingerprint and status.get("state") in protocol.ENDS:
        state, reason = status["state"], status.get("reason")
        return Forecast(each, state, f"{state} before: {reason}" if reason else f"{state} before")
    if old or attempted:
        return Forecast(each, protocol.WAITING, changes(old or attempted, each.parameters, version))
    return Forecast(each, protocol.WAITING, NEW)


def changes(old: Mapping[str, Any], parameters: Mapping[str, Any], version: str) -> str:
    """Return how what an experiment computes differs from what was computed for its id.

    Parameters
    ----------
    old : mapping
        A commit or an experiment.json.
    parameters : mapping
        As planned now.
    version : str
        Of the application, now.

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


def _last_attempt(job: JobPaths) -> Any:
    return job.attempt(Claims(str(job.folder)).highest())


def _status(job: JobPaths) -> dict[str, Any]:
    return jsonfiles.read_map(str(_last_attempt(job) / protocol.STATUS)) or {}
