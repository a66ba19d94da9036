"""Warn about programs and files in commands that do not exist, where only this computer could have them."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.schema import Node, load_yaml
from fairmesh.study import Plan
from fairmesh.study.application import Application, Stage
from fairmesh.study.find import APPLICATION
from fairmesh.study.machines import Machine
from fairmesh.workflow.configuration import find_machine

INTERPRETERS = {"bash", "sh", "python", "python3", "perl", "Rscript", "julia", "node", "ruby"}
"""Programs whose first argument is a file to run, unless it is an option."""
_FILE = re.compile(r"\{\{\s*application\s*\}\}/([^{}]+)")


def command_warnings(plan: Plan, project: Path) -> list[str]:
    """Return a line about each missing program and file in the commands of a plan.

    It is certain only on this computer, without a setup, modules, templates, containers and conda environments.
    """
    application = plan.application
    try:
        machines = [find_machine(name, project, "")[1] for name in plan.all_machines]
    except InputError:
        return []
    if not any(machine.kind == "local" and not _has_setup(machine, plan) for machine in machines):
        return []
    return [
        str(Problem(message, _place(application, name, index), near=near))
        for name, stage in application.all_stages.items()
        if not (stage.environment.conda or application.environment.conda)
        for index, message, near in _missing(stage, application.folder)
    ]


def _has_setup(machine: Machine, plan: Plan) -> bool:
    """Return whether something in job.sh may provide programs; a plan does not contain the study's template."""
    known = machine.setup or machine.modules or machine.template or machine.container or plan.application.template
    return bool(known) or "template" in plan.source.read_text(encoding="utf-8")


def _missing(stage: Stage, folder: Path) -> Iterator[tuple[int, str, str]]:
    """Yield the index of each argument that names something missing, a message, and a near name."""
    program = stage.command[0] if stage.command else ""
    if program and not re.search(r"[/{]", program) and not shutil.which(program, path=os.pathsep.join(_path())):
        names = {path.name for part in _path() for path in Path(part).glob("*")}
        yield 0, f"there is no program {program!r} in PATH", nearest(program, sorted(names))
    if stage.needs:
        return  # a stage that it needs may write the file
    files = stage.command[:2] if program in INTERPRETERS else stage.command[:1]
    for index, argument in enumerate(files):
        match = _FILE.fullmatch(argument)
        if match and not (folder / match[1]).exists():
            yield index, f"there is no file {argument!r}", nearest(match[1], [path.name for path in folder.iterdir()])


def _path() -> list[str]:
    """Return the folders of programs of a run."""
    return [*os.environ.get("PATH", "").split(os.pathsep), str(Path(sys.executable).parent)]


def _place(application: Application, stage: str, index: int) -> str:
    """Return the location of an argument of a stage's command in application.yaml."""
    file = application.folder / APPLICATION
    node = load_yaml(file) if file.is_file() else Node({})
    if application.stages:
        node = node.entries.get("stages", node).entries.get(stage, node)
    command = node.entries.get("command", node)
    return (command.members[index] if index < len(command.members) else command).place(file)
