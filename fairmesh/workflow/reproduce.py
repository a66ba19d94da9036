"""A result is measured again: from a crate, or from an experiment in the results, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh import yaml12
from fairmesh.errors import FairmeshError, InputError, Problem, nearest
from fairmesh.fair.agreement import Agreement, compare
from fairmesh.fair.package import APPLICATIONS
from fairmesh.files import write_if_changed, write_text
from fairmesh.jobs.attempts import read_map
from fairmesh.jobs.paths import StudyPaths
from fairmesh.results import MetricValue, Outcome, best_point, load_study
from fairmesh.results.load import PLAN
from fairmesh.runner.protocol import ENVIRONMENTS, EXPERIMENT, EXPERIMENTS, RECORDS
from fairmesh.runner.provenance import DETERMINISM, THREADS
from fairmesh.study import Plan, load_plan
from fairmesh.study.application import Application
from fairmesh.study.find import APPLICATION
from fairmesh.study.settle import load_application
from fairmesh.workflow.export import export

LOCAL = "local"
STUDY = "reproduce.yaml"
_NOT_INHERITED = ("FAIRMESH_HOME", "FAIRMESH_APPLICATION", "FAIRMESH_RUN", "FAIRMESH_RUN_FOLDER")


@dataclass(frozen=True)
class Original:
    """A recorded result, and what it takes to measure it again.

    Parameters
    ----------
    folder : Path
        The crate, or the study's folder in the results.
    outcome : Outcome
        The result.
    plan : dict
        The study's plan.
    application : Path
        The ``application.yaml`` that it was measured with.
    """

    folder: Path
    outcome: Outcome
    plan: dict[str, Any]
    application: Path

    @property
    def record(self) -> dict[str, Any]:
        """The record."""
        return self.outcome.record or {}

    @property
    def environment(self) -> dict[str, Any]:
        """What it was measured on, as far as that is known."""
        name = f"{ENVIRONMENTS}/{self.record.get('environment')}.json"
        return read_map(self.folder / name) or read_map(self.folder.parent / name)


@dataclass(frozen=True)
class Reproduction:
    """What came out.

    Parameters
    ----------
    original : Original
        What was measured again.
    changed : dict
        The parameters that were set to something else.
    agreements : list of Agreement
        A verdict on each metric.
    environment : dict
        What it was measured on this time.
    """

    original: Original
    changed: Mapping[str, Any]
    agreements: list[Agreement]
    environment: dict[str, Any]

    @property
    def agrees(self) -> bool:
        """Whether no metric differs."""
        return all(each.state != "differs" for each in self.agreements)

    def differences(self) -> list[str]:
        """Say in what the environments differ: hardware, interpreter, packages."""
        old, new = (_flat(each) for each in (self.original.environment, self.environment))
        names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
        return [f"{name}: {old.get(name, 'none')} then, {new.get(name, 'none')} now" for name in names] if old else []


def find(path: Path, identity: str = "") -> Original:
    """Find a recorded result.

    Parameters
    ----------
    path : Path
        A crate or a study's folder in the results; a record; or the folder of an experiment.
    identity : str
        In a crate: which experiment; by default the first repeat of the best point.

    Raises
    ------
    InputError
        If there is no such result, or nothing of its application.
    """
    folder, named = _place(path)
    study = load_study(folder.parent, folder.name)
    wanted = named or identity
    machine, _, name = wanted.rpartition("/")
    done = [each for each in study.done if not wanted or (each.id == name and machine in {"", each.machine})]
    if not done:
        known = [each.id for each in study.done]
        what = f"{folder} has no result of {wanted!r}" if wanted else f"{folder} has no result"
        raise InputError([Problem(what, "", "", nearest(name, known))])
    best = None if wanted else best_point(study)
    chosen = best.run if best else done[0]
    return Original(folder, chosen, study.plan, _application(folder, chosen, study.plan["application"]["name"]))


def _place(path: Path) -> tuple[Path, str]:
    """Give the study's folder that a path means, and the experiment in it as ``machine/id`` if it means one."""
    place = path.resolve()
    if (place / PLAN).is_file():
        return place, ""
    names = place.parts[-3:]
    if len(names) == 3 and (place.parents[2] / PLAN).is_file():
        if names[0] == RECORDS and place.suffix == ".json":
            return place.parents[2], f"{names[1]}/{place.name.removesuffix('.json')}"
        if names[0] == EXPERIMENTS:
            return place.parents[2], f"{names[1]}/{names[2]}"
    allowed = "a crate, a study's folder in the results, records/MACHINE/ID.json, experiments/MACHINE/ID"
    raise InputError([Problem(f"{path} is no result that can be reproduced", "", allowed)])


def _application(folder: Path, outcome: Outcome, name: str) -> Path:
    packed = folder / APPLICATIONS / name / APPLICATION
    recorded = read_map(outcome.folder / EXPERIMENT).get("application")
    place = str(recorded.get("folder") or "") if isinstance(recorded, dict) else ""
    for path in (packed, folder.parent / place / APPLICATION) if place else (packed,):
        if path.is_file():
            return path
    raise InputError([Problem(f"the application {name} is not in {folder / APPLICATIONS}; `fairmesh crate` packs it")])


def prepare(original: Original, to: Path, root: Path, settings: Mapping[str, Any]) -> Plan:
    """Plan the one experiment that has all parameters of the record, or those that are set in their place.

    Raises
    ------
    InputError
        If a setting is not one value of a parameter, or the application no longer takes the recorded ones.
    FairmeshError
        If the application is not the one that was measured.
    """
    application = load_application(original.application)
    given = original.record["parameters"]
    unknown = [name for name in given if name not in application.parameters]
    if unknown:
        raise FairmeshError(f"{original.application} has no parameter {unknown[0]!r}, which the record has")
    known = application.known_names
    named = {known[name] for name in settings if name in known}
    own = {name: [value] for name, value in given.items() if name in named or _differs(application, name, value)}
    if isinstance(original.outcome.resources.get("runtime"), int | float):
        own["runtime"] = [original.outcome.resources["runtime"]]
    study = {
        "study": original.plan["study"],
        "title": str(original.plan.get("title") or ""),
        "application": str(original.application),
        "measure": original.plan.get("measure") or "exclusive",
        "parameters": own,
    }
    write_if_changed(to / STUDY, yaml12.dump(study))
    plan = load_plan(to / STUDY, root, LOCAL, settings)
    if len(plan.experiments) != 1:
        raise InputError([Problem(f"one value each, not {len(plan.experiments)} experiments", "--set")])
    if not settings and plan.experiments[0].fingerprint != original.record["fingerprint"]:
        message = f"{original.application} is not the application that was measured: its fingerprint is another"
        raise FairmeshError(message)
    return plan


@contextmanager
def _nothing_left_if_refused(path: Path) -> Iterator[None]:
    """Put a file back to what it was, and take the folders made for it away, if the input is refused."""
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    made = [each for each in path.parents if not each.exists()]
    try:
        yield
    except FairmeshError:
        if before is None:
            path.unlink(missing_ok=True)
        else:
            write_text(path, before)
        with suppress(OSError):  # one that holds something stays
            for each in made:
                each.rmdir()
        raise


def _differs(application: Application, name: str, value: Any) -> bool:
    """Tell whether a recorded value is not simply the default."""
    declared = application.parameters[name]
    return not declared.has_default or declared.default != value


def reproduce(
    original: Original,
    to: Path,
    root: Path,
    settings: Mapping[str, Any],
    *,
    interval: bool = False,
    quiet: bool = False,
) -> Reproduction:
    """Measure a result again and compare.

    Parameters
    ----------
    original : Original
        The result.
    to : Path
        The folder for everything; what is done there already is not done again.
    root : Path
        The folder of the Snakefile, whose templates job.sh is made from.
    settings : mapping
        Values in place of the recorded ones, by the name of the parameter.
    interval : bool
        Whether a value inside the recorded interval agrees, too.
    quiet : bool
        Whether what the jobs say goes nowhere.

    Raises
    ------
    FairmeshError
        If it cannot be prepared, or ends without a result.
    """
    with _nothing_left_if_refused(to / STUDY):
        plan = prepare(original, to, root, settings)
        script = export(plan, to / "run", root)
    environment = {name: text for name, text in os.environ.items() if name not in _NOT_INHERITED}
    environment |= _recorded_variables(original.environment)
    shown = subprocess.DEVNULL if quiet else None
    done = subprocess.run(["bash", str(script)], env=environment, stdout=shown, check=False)
    experiment = plan.experiments[0]
    commit = read_map(StudyPaths(to / "run", plan.study).job(experiment.machine, experiment.id).commit)
    if done.returncode or not commit:
        raise FairmeshError(f"{experiment.id} ended without a result; its folders are in {to / 'run'}")
    found = {name: MetricValue.from_json(value) for name, value in commit["metrics"].items()}
    given = original.record["parameters"]
    changed = {name: value for name, value in experiment.parameters.items() if given.get(name) != value}
    declared = original.plan["application"].get("metrics") or {}
    agreements = compare(original.outcome.metrics, found, declared, interval=interval)
    return Reproduction(
        original, changed, agreements, read_map(to / "run" / ENVIRONMENTS / f"{commit['environment']}.json")
    )


def _recorded_variables(environment: Mapping[str, Any]) -> dict[str, str]:
    """Give what was set of threads and determinism, but for what names cores or GPUs of one machine."""
    found = environment.get("variables")
    recorded = found if isinstance(found, dict) else {}
    names = [name for name in THREADS if name.endswith("_NUM_THREADS") or name.startswith("TF_")]
    return {name: str(recorded[name]) for name in (*names, *DETERMINISM) if name in recorded}


def _flat(environment: Mapping[str, Any]) -> dict[str, str]:
    """Give what may matter of an environment, by a name for people."""
    python = environment.get("python") if isinstance(environment.get("python"), dict) else {}
    processor = environment.get("processor") if isinstance(environment.get("processor"), dict) else {}
    found = {
        "processor": (processor or {}).get("name"),
        "cores": (processor or {}).get("cores"),
        "gpus": ", ".join(map(str, environment.get("gpus") or [])),
        "python": (python or {}).get("version"),
        **{f"package {name}": version for name, version in ((python or {}).get("packages") or {}).items()},
        **(environment.get("variables") or {}),
    }
    return {name: str(value) for name, value in found.items() if value}
