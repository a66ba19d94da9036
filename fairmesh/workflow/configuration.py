"""The configuration of a run: the file, overridden by profile and command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fairmesh.dispatch.placed import result_finder
from fairmesh.errors import FairmeshError, InputError, Problem, nearest, place
from fairmesh.project import CONFIG, MACHINES, PROFILE_CONFIG, own_or_installed, profile_folders
from fairmesh.schema import Node, load_yaml
from fairmesh.schema.model import load_model
from fairmesh.site.folder import check_replaceable
from fairmesh.site.project import SiteProject
from fairmesh.study import Plan, load_plan
from fairmesh.study.machines import Machine, load_machines
from fairmesh.study.selection import PlanSelection
from fairmesh.study.settings import Config, Publisher, load_config
from fairmesh.workflow.run_machines import RunMachines

COMMAND_LINE = "--config, or the configfile of a profile"
_FILE_ONLY = ("finish", "website")


def publisher(project: Path | None) -> Publisher:
    """Return the publisher in the configuration of a project; an empty one without a project."""
    return load_config(project / CONFIG).publisher if project else Publisher()


@dataclass(frozen=True)
class Configuration:
    """A checked configuration.

    Parameters
    ----------
    config : Config
        The values.
    machines : RunMachines
        The machines; jobs run on that of the profile, unless the study names others.
    project : Path
        The project folder.
    node : Node
        The values with their locations in the files.
    """

    config: Config
    machines: RunMachines
    project: Path
    node: Node

    @property
    def machine(self) -> Machine:
        """The machine of the profile."""
        return self.machines[self.config.machine]

    def plan(self) -> Plan:
        """Expand the study.

        Raises
        ------
        InputError
            With all errors of the study or its application.
        """
        try:
            results = result_finder(Path(self.config.results))
            whole = load_plan(self.config.study, self.project, self.config.machine, self.config.set, has_result=results)
            plan = PlanSelection(self.config.where, self.config.part, self.config.first, self.config.only).of(whole)
            self.machines.check(plan, _profile_machines(self.project))
        except InputError as error:
            where = _place(self.node, "study")
            raise InputError(replace(problem, where=problem.where or where) for problem in error.problems) from error
        return plan

    def check_site(self) -> None:
        """Check before the run that the website can be written to its folder.

        Raises
        ------
        InputError
            If the folder contains something else, or the project's part of the website has mistakes.
        """
        SiteProject.read(self.project)
        try:
            check_replaceable(Path(self.config.site))
        except FairmeshError as error:
            raise self.error("site", str(error)) from error

    def error(self, key: str, message: str) -> InputError:
        """Return an error about a value, with its location."""
        return InputError([Problem(f"{key!r}: {message}", _place(self.node, key))])


def reruns_other_code(plan: Plan, project: Path | None) -> bool:
    """Return whether results that were measured with other code are measured again: by the study, else config.yaml."""
    return (plan.on_code_change or (load_config(project / CONFIG).on_code_change if project else "")) == "rerun"


def read(overrides: Mapping[str, Any], project: Path) -> Configuration:
    """Read the configuration.

    Parameters
    ----------
    overrides : mapping
        The values of command line and profile that override the file, which is already checked.
    project : Path
        The project folder.

    Raises
    ------
    InputError
        With all errors in it, or if the machine is unknown.
    """
    if here_only := [f"{key!r} stands in {CONFIG} alone" for key in _FILE_ONLY if key in overrides]:
        raise InputError(Problem(message, COMMAND_LINE) for message in here_only)
    node = _merged(load_yaml(project / CONFIG), Node.from_value(overrides))
    try:
        config = load_model(Config, node, COMMAND_LINE)
    except InputError as error:
        raise InputError(_hinted(problem, overrides) for problem in error.problems) from error
    machines = find_machines(config.machine, project, _place(node, "machine"))
    return Configuration(config, machines, project, node)


def find_machine(name: str, project: Path, where: str) -> tuple[Path, Machine]:
    """Return the file of machines, and the entry of one of them; the parameters are those of ``find_machines``."""
    machines = find_machines(name, project, where)
    return machines.file, machines[name]


def find_machines(name: str, project: Path, where: str) -> RunMachines:
    """Return the machines of a project.

    Parameters
    ----------
    name : str
        The name of one of them, that of the profile.
    project : Path
        The project folder.
    where : str
        The location of the name, for the error message.

    Raises
    ------
    InputError
        With all errors in the file, or if it does not contain the machine.
    """
    path = own_or_installed(project, MACHINES)
    machines = load_machines(path)
    if name not in machines:
        message = f"'machine': {place(path)} names no machine {name!r}"
        raise InputError([Problem(message, where, ", ".join(machines), nearest(name, machines))])
    return RunMachines(path, machines, name)


def _hinted(problem: Problem, overrides: Mapping[str, Any]) -> Problem:
    """Return the problem with a hint on quoting text for Snakemake's command line, if that applies."""
    for key, value in overrides.items():
        if problem.message.startswith(f"{key!r} must be") and not isinstance(value, str) and value is not None:
            hint = f"""--config '{key}= "TEXT" ', with the inner quotes and spaces, keeps a text as it is"""
            return replace(problem, message=f"{problem.message}; {hint}") if _wants_text(key) else problem
    return problem


def _wants_text(key: str) -> bool:
    return Config.model_fields[key].annotation is str


def _merged(below: Node, above: Node) -> Node:
    """Merge two maps recursively, as Snakemake does."""
    if not isinstance(below.value, dict) or not isinstance(above.value, dict):
        return above
    both = {key: _merged(below.value[key], above.value[key]) for key in below.value.keys() & above.value.keys()}
    return replace(below, value=below.value | above.value | both)


def _place(node: Node, key: str) -> str:
    entry = node.entries.get(key)
    return entry.place(CONFIG) if entry is not None and entry.line else COMMAND_LINE


PROFILE_MACHINE = "machine.yaml"
LOCAL = "local"


@dataclass(frozen=True)
class Profile:
    """A profile.

    Parameters
    ----------
    folder : Path
        Its folder.
    machine : str
        The machine that its jobs run on.
    executor : str
        The executor of the jobs; empty for this computer.
    jobs : int or None
        The maximum number of submitted jobs, if set.
    cores : int
        The number of processors of this computer to use.
    """

    folder: Path
    machine: str = LOCAL
    executor: str = ""
    jobs: int | None = None
    cores: int = 1


def read_profile(folder: Path) -> Profile:
    """Read a profile.

    Raises
    ------
    InputError
        If it is not valid YAML.
    """
    content = load_yaml(folder / PROFILE_CONFIG).plain()
    machine = load_yaml(folder / PROFILE_MACHINE).plain() if (folder / PROFILE_MACHINE).is_file() else {}
    settings: dict[str, Any] = content if isinstance(content, dict) else {}
    executor = settings.get("executor", "")
    return Profile(
        folder,
        str(machine.get("machine", LOCAL)) if isinstance(machine, dict) else LOCAL,
        "" if executor == LOCAL else str(executor),
        _count(settings.get("jobs")),
        _count(settings.get("cores")) or os.cpu_count() or 1,
    )


def _profile_machines(project: Path) -> dict[str, str]:
    """Return the machine of each profile that can be read."""
    machines = {}
    for name, folder in profile_folders(project).items():
        with suppress(InputError):
            machines[name] = read_profile(folder).machine
    return machines


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
