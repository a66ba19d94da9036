"""What job.sh is made from: our templates, and the children that a machine, an application or a study brings."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fairmesh.errors import InputError, Problem
from fairmesh.files import expand_path
from fairmesh.jobs.templates import Templates
from fairmesh.schema import Node, load_yaml
from fairmesh.study import Plan
from fairmesh.study.cloudmesh import application_node, check_can_run, is_cloudmesh
from fairmesh.study.find import find_application
from fairmesh.study.settings import Machine

KEY = "template"


def templates_folder(root: Path) -> Path:
    """Return the folder of our own templates, below that of the Snakefile."""
    return root / "workflow/templates"


def job_templates(plan: Plan, root: Path, machines: Path, machine: Machine) -> Templates:
    """Return the templates of a plan's job.sh.

    Parameters
    ----------
    plan : Plan
        Whose application and study may bring a child.
    root : Path
        The folder of the Snakefile.
    machines : Path
        The file that the machine stands in.
    machine : Machine
        Its scheduler chooses a child; it may bring one itself.

    Raises
    ------
    InputError
        With every template that is named and not there, and if the machine's setup is no shell script; or if there is
        nothing to run.
    """
    check_can_run(plan)
    problems = list(_setup_problems(plan.machines[0], machines, machine))
    children = []
    for file, key, node in _named(plan, root, machines, machine):
        name = node.text or str(node.value)
        children.append(file.parent / name)
        if not children[-1].is_file():
            problems.append(Problem(f"{key!r}: there is no file {name!r}", node.place(file)))
    if problems:
        raise InputError(problems)
    return Templates.of_jobs(templates_folder(root), machine.scheduler, children)


def _filled(node: Node, key: str, file: Path) -> Node:
    """Return the path that a machine names, with its home and variables filled in."""
    try:
        return replace(node, value=expand_path(str(node.value)))
    except ValueError as error:
        raise InputError([Problem(f"{key!r} {error}", node.place(file))]) from error


def _named(plan: Plan, root: Path, machines: Path, machine: Machine) -> Iterator[tuple[Path, str, Node]]:
    """Yield the templates that the files name, the most general first: file, key, and what stands there."""
    if machine.template is not None:
        name = plan.machines[0]
        yield (
            machines,
            f"{name}.{KEY}",
            _filled(load_yaml(machines).entries[name].entries[KEY], f"{name}.{KEY}", machines),
        )
    if plan.application.template is not None:
        named = application_node(load_yaml(plan.source)) or Node(plan.application.name)
        file = find_application(named, plan.source, root)
        yield file, KEY, load_yaml(file).entries[KEY]
    # The plan does not carry the key; most studies have none, and are not read again.
    if KEY in plan.source.read_text(encoding="utf-8"):
        study = load_yaml(plan.source)
        node = study.entries.get(KEY)
        if node is not None and node.value is not None and not is_cloudmesh(study):
            yield plan.source, KEY, node


def _setup_problems(name: str, file: Path, machine: Machine) -> Iterator[Problem]:
    """Yield the mistake of a setup that would swallow what follows it in job.sh."""
    if not machine.setup:
        return
    text = "\n".join(["{", *machine.setup, "}", ""])
    checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    if checked.returncode or checked.stderr:
        node = load_yaml(file).entries[name].entries["setup"]
        reason = checked.stderr.strip().splitlines()[0].removeprefix("bash: ")
        yield Problem(f"'{name}.setup' is no whole shell script: {reason}", node.place(file))
