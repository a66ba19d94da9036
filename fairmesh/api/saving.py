"""Studies that come as a text from a form or a request: checked, and saved if they are new."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fairmesh.api.project import NAME, STUDIES, Project
from fairmesh.errors import BusyError, FairmeshError, InputError, Problem
from fairmesh.files import write_new
from fairmesh.runner.regular import read_regular
from fairmesh.schema import Node, parse_yaml
from fairmesh.study import Plan, load_plan
from fairmesh.study.cloudmesh import is_cloudmesh
from fairmesh.study.space import MAX_EXPERIMENTS

FILE = Path("study.yaml")


def check_text(project: Project, text: str, machine: str = "local", most: int = MAX_EXPERIMENTS) -> Plan:
    """Check a study, and give what it comes to.

    A text from elsewhere may name an application that is installed here; it brings no command, template or path.

    Raises
    ------
    InputError
        With all of its mistakes.
    """
    problems = list(_foreign(parse_yaml(text, FILE)))
    if problems:
        raise InputError(problems)
    with tempfile.TemporaryDirectory(prefix="fairmesh-") as folder:
        path = Path(folder) / FILE
        path.write_text(text, encoding="utf-8")
        try:
            return load_plan(path, project.root, machine, most=most)
        except InputError as error:
            raise InputError(
                replace(
                    each, where=each.where.replace(f"{folder}/", ""), message=each.message.replace(f"{folder}/", "")
                )
                for each in error.problems
            ) from error


def _foreign(node: Node) -> Iterator[Problem]:
    """Yield what a text from elsewhere must not have."""
    if not isinstance(node.value, dict) or is_cloudmesh(node):
        yield Problem("this is no study file", str(FILE), "study, application, parameters, ...")
        return
    if "template" in node.entries:
        yield Problem("'template' cannot come from elsewhere", node.key_place(FILE, "template"))
    named = node.entries.get("application", Node("none"))
    name = named.text or str(named.value)
    if not re.fullmatch(NAME, name, re.ASCII) or name.endswith((".yaml", ".yml")):
        yield Problem("'application' must be the name of one that is installed here, not a path", named.place(FILE))


def save_text(project: Project, name: str, text: str) -> bool:
    """Save a new study that was checked under its name; return whether it was not there yet, word for word.

    Raises
    ------
    BusyError
        If there is another study of this name.
    FairmeshError
        If it cannot be written.
    """
    path = project.root / STUDIES / f"{name}.yaml"
    if _holds(path, text):
        return False
    if is_taken(project, name):
        raise _taken(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(path, text)
    except FileExistsError:
        if _holds(path, text):
            return False
        raise _taken(name) from None
    except OSError as error:
        raise FairmeshError(f"cannot write to {path.parent}: {error.strerror}") from error
    return True


def is_taken(project: Project, name: str) -> bool:
    """Whether there is a study of a name, in upper or lower case."""
    return name.lower() in {each.lower() for each in project.studies()}


def _taken(name: str) -> BusyError:
    return BusyError(f"there is a study {name!r} already; choose another name")


def _holds(path: Path, text: str) -> bool:
    try:
        return read_regular(str(path), len(text.encode()) + 1) == text.encode()
    except OSError:
        return False
