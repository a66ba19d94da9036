"""Reproduce a result of a crate, or of an experiment in the results, in a separate folder."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh import schema
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.fair.agreement import Agreement, compare
from fairmesh.files import write_text
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import read_map
from fairmesh.printing import print_lines
from fairmesh.results import MetricValue
from fairmesh.runner.environment import describe, interpreter_of
from fairmesh.runner.job import MARK
from fairmesh.runner.protocol import ENVIRONMENTS, EXPERIMENT, EXPERIMENTS
from fairmesh.runner.provenance import DETERMINISM, THREADS
from fairmesh.study import Plan, load_plan
from fairmesh.study.application import Application
from fairmesh.study.validation import load_application
from fairmesh.workflow.export import export
from fairmesh.workflow.recorded import Original

LOCAL = "local"
STUDY, RUN = "reproduce.yaml", "run"
FOLDER = Path("reproduction")
_MARKED = re.compile(f"{re.escape(MARK)}(.*?){re.escape(MARK)}")
_NOT_INHERITED = ("FAIRMESH_HOME", "FAIRMESH_APPLICATION", "FAIRMESH_RUN", "FAIRMESH_RUN_FOLDER")


def _placeholder(match: re.Match[str]) -> str:
    return f"<stage {match[1]}>" if match[1] else "<application>"


@dataclass(frozen=True)
class Prepared:
    """A prepared reproduction that has not run yet.

    Parameters
    ----------
    original : Original
        The result to reproduce.
    plan : Plan
        The plan with a single experiment.
    folder : Path
        The folder of the reproduction.
    script : Path
        The script that runs it.
    """

    original: Original
    plan: Plan
    folder: Path
    script: Path

    @property
    def commands(self) -> list[str]:
        """The commands that will run, in shell syntax; the folder of a stage is shown by its name."""
        stages = sorted((self.folder / RUN / "stages").glob(f"*/*/{EXPERIMENT}"))
        experiments = (self.folder / RUN).glob(f"*/{EXPERIMENTS}/*/*/{EXPERIMENT}")
        commands = (read_map(path)["command"] for path in (*stages, *experiments))
        return [_MARKED.sub(_placeholder, shlex.join(map(str, words))) for words in commands]

    def differences(self) -> list[str]:
        """Return the differences to the original environment; variables are set to the recorded values."""
        program = str(self.plan.application.experiment_stage.command[0])
        return self.original.differences(describe(interpreter_of(program)) | _recorded_settings(self.original))


def _recorded_settings(original: Original) -> dict[str, Any]:
    return {"variables": original.environment.get("variables")}


@dataclass(frozen=True)
class Reproduction:
    """The result of a reproduction.

    Parameters
    ----------
    original : Original
        The original result.
    changed : dict
        The parameters that were changed.
    agreements : list of Agreement
        A verdict on each metric.
    environment : dict
        The environment of the reproduction.
    """

    original: Original
    changed: Mapping[str, Any]
    agreements: list[Agreement]
    environment: dict[str, Any]

    @property
    def agrees(self) -> bool | None:
        """Whether all metrics agree; None if none could be compared."""
        states = {agreement.state for agreement in self.agreements}
        return False if "differs" in states else True if "agrees" in states else None

    def differences(self) -> list[str]:
        """Return the differences of the environments: hardware, interpreter, packages."""
        return self.original.differences(self.environment)


@contextmanager
def new_folder(to: Path | None) -> Iterator[Path]:
    """Create a folder for a reproduction; it is removed if the reproduction is refused.

    Parameters
    ----------
    to : Path or None
        The folder; by default the first of ``reproduction``, ``reproduction-2`` and so on that does not exist.

    Raises
    ------
    InputError
        If the folder contains a reproduction already.
    """
    folder = to or _first_free(FOLDER)
    if (folder / STUDY).exists() or (folder / RUN).exists():
        raise InputError([Problem(f"{folder} already holds a reproduction; name another folder", "--to")])
    made = [parent for parent in (folder / STUDY).parents if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield folder
    except (FairmeshError, KeyboardInterrupt):
        shutil.rmtree(folder / RUN, ignore_errors=True)
        (folder / STUDY).unlink(missing_ok=True)
        with suppress(OSError):  # folders that are not empty stay
            for parent in made:
                parent.rmdir()
        raise


def _first_free(folder: Path) -> Path:
    number, free = 1, folder
    while os.path.lexists(free):
        number += 1
        free = folder.with_name(f"{folder.name}-{number}")
    return free


def prepare(original: Original, folder: Path, project: Path, settings: Mapping[str, Any]) -> Prepared:
    """Write the job folders of an experiment with the recorded parameters, or changed ones.

    Parameters
    ----------
    original : Original
        The result to reproduce.
    folder : Path
        The folder of the reproduction.
    project : Path
        The project folder, whose entry of this computer in machines.yaml is used; it may be any other folder.
    settings : mapping
        Changed values by the name of the parameter.

    Raises
    ------
    InputError
        If a setting is invalid, or the application no longer accepts the recorded parameters.
    FairmeshError
        If the application has changed.
    """
    write_text(folder / STUDY, schema.dump_yaml(_study(original, settings)))
    plan = load_plan(folder / STUDY, project, LOCAL, settings)
    if len(plan.experiments) != 1:
        raise InputError([Problem(f"one value each, not {len(plan.experiments)} experiments", "--set")])
    if not settings and plan.experiments[0].fingerprint != original.record["fingerprint"]:
        message = f"{original.application} is not the application that was measured: its fingerprint is another"
        raise FairmeshError(message)
    return Prepared(original, plan, folder, export(plan, folder / RUN, project))


def _study(original: Original, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a study with only this experiment."""
    application = load_application(original.application)
    given = original.record["parameters"]
    unknown = [name for name in given if name not in application.parameters]
    if unknown:
        raise FairmeshError(f"{original.application} has no parameter {unknown[0]!r}, which the record has")
    known = application.known_names
    named = {known[name] for name in settings if name in known}
    parameters = {name: [value] for name, value in given.items() if name in named or _differs(application, name, value)}
    if isinstance(original.outcome.resources.get("runtime"), int | float):
        parameters["runtime"] = [original.outcome.resources["runtime"]]
    return {
        "study": original.plan["study"],
        "title": str(original.plan.get("title") or ""),
        "application": str(original.application),
        "measure": original.plan.get("measure") or "exclusive",
        "parameters": parameters,
    }


def _differs(application: Application, name: str, value: Any) -> bool:
    """Return whether a recorded value differs from the default."""
    declared = application.parameters[name]
    return not declared.has_default or declared.default != value


def measure(prepared: Prepared, *, interval: bool = False, quiet: bool = False) -> Reproduction:
    """Run a prepared reproduction, and compare the results.

    Parameters
    ----------
    prepared : Prepared
        The prepared reproduction.
    interval : bool
        Whether values inside the recorded interval agree, too.
    quiet : bool
        Whether to discard the output of the jobs.

    Raises
    ------
    FairmeshError
        If it ends without a result.
    """
    original, folder = prepared.original, prepared.folder / RUN
    environment = {name: text for name, text in os.environ.items() if name not in _NOT_INHERITED}
    environment |= _recorded_variables(original.environment)
    experiment = prepared.plan.experiments[0]
    command = ["bash", str(prepared.script)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, errors="replace") as script:
        for line in script.stdout or ():
            if not quiet:  # the study of the reproduction has other axes, and with them another name
                print_lines(line.rstrip("\n").replace(experiment.id, original.name), flush=True)
    commit = read_map(StudyPaths(folder, prepared.plan.study).job(experiment.machine, experiment.id).commit)
    if script.returncode or not commit:
        raise FairmeshError(f"{original.name} ended without a result; its folders are in {folder}")
    metrics = {name: MetricValue.from_json(value) for name, value in commit["metrics"].items()}
    given = original.record["parameters"]
    changed = {name: value for name, value in experiment.parameters.items() if given.get(name) != value}
    declared = original.plan["application"].get("metrics") or {}
    agreements = compare(original.outcome.metrics, metrics, declared, interval=interval)
    return Reproduction(
        original, changed, agreements, read_map(folder / ENVIRONMENTS / f"{commit['environment']}.json")
    )


def _recorded_variables(environment: Mapping[str, Any]) -> dict[str, str]:
    """Return the recorded variables of threads and determinism, except those that name cores or GPUs."""
    variables = environment.get("variables")
    recorded = variables if isinstance(variables, dict) else {}
    names = [name for name in THREADS if name.endswith("_NUM_THREADS") or name.startswith("TF_")]
    return {name: str(recorded[name]) for name in (*names, *DETERMINISM) if name in recorded}
