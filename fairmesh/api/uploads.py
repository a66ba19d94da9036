"""Studies and paths from a form or a request: checked, since they are not trusted, and saved if they are new."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from fairmesh.api.project import NAME, Project
from fairmesh.errors import BusyError, FairmeshError, InputError, Problem
from fairmesh.files import write_new
from fairmesh.project import STUDIES
from fairmesh.runner.safefiles import read_regular
from fairmesh.schema import Node, parse_yaml
from fairmesh.study import Plan, load_plan
from fairmesh.study.cloudmesh import is_cloudmesh
from fairmesh.study.space import MAX_EXPERIMENTS

FILE = Path("study.yaml")
PATH = "path"  # the format of a parameter that names a file


def check_text(project: Project, text: str, machine: str = "local", most: int = MAX_EXPERIMENTS) -> Plan:
    """Check the text of a study, and return its plan.

    The text may name an installed application, but no command, template or path.

    Raises
    ------
    InputError
        With all of its mistakes.
    """
    problems = list(_forbidden_keys(parse_yaml(text, FILE)))
    if problems:
        raise InputError(problems)
    with tempfile.TemporaryDirectory(prefix="fairmesh-") as folder:
        path = Path(folder) / FILE
        path.write_text(text, encoding="utf-8")
        try:
            return load_plan(path, project.folder, machine, most=most)
        except InputError as error:
            raise InputError(
                replace(
                    problem,
                    where=problem.where.replace(f"{folder}/", ""),
                    message=problem.message.replace(f"{folder}/", ""),
                )
                for problem in error.problems
            ) from error


def _forbidden_keys(node: Node) -> Iterator[Problem]:
    """Yield a problem for each key that an uploaded study must not have."""
    if not isinstance(node.value, dict) or is_cloudmesh(node):
        yield Problem("not a study file", str(FILE), "study, application, parameters, ...")
        return
    for key in ("template", "container"):
        if key in node.entries:
            yield Problem(f"{key!r} is not allowed in an uploaded study", node.key_place(FILE, key))
    application = node.entries.get("application", Node("none"))
    name = application.text or str(application.value)
    if not re.fullmatch(NAME, name, re.ASCII) or name.endswith((".yaml", ".yml")):
        yield Problem("'application' must be the name of an installed application, not a path", application.place(FILE))


def save_text(project: Project, name: str, text: str) -> bool:
    """Save a checked study under its name; return whether it is new, and not the same text as an existing one.

    Raises
    ------
    BusyError
        If there is another study of this name.
    FairmeshError
        If it cannot be written.
    """
    path = project.folder / STUDIES / f"{name}.yaml"
    if _has_content(path, text):
        return False
    if is_taken(project, name):
        raise _taken(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_new(path, text)
    except FileExistsError:
        if _has_content(path, text):
            return False
        raise _taken(name) from None
    except OSError as error:
        raise FairmeshError(f"cannot write to {path.parent}: {error.strerror}") from error
    return True


def is_taken(project: Project, name: str) -> bool:
    """Return whether a study has this name, in upper or lower case."""
    return name.lower() in {study.lower() for study in project.studies()}


def _taken(name: str) -> BusyError:
    return BusyError(f"study {name!r} exists already; choose another name")


def _has_content(path: Path, text: str) -> bool:
    try:
        return read_regular(str(path), len(text.encode()) + 1) == text.encode()
    except OSError:
        return False


def path_values(plan: Plan) -> dict[str, set[str]]:
    """Return the values of each parameter that names files or folders."""
    declared = plan.application.parameters
    return {
        name: {text for experiment in plan.experiments for text in _texts(experiment.parameters.get(name))}
        for name, parameter in declared.items()
        if parameter.format == PATH
    }


def check_paths(plan: Plan, folders: Iterable[Path], trusted: Mapping[str, set[str]] | None = None) -> None:
    """Check the paths in a requested plan; the result does not depend on which files exist.

    Parameters
    ----------
    plan : Plan
        The plan.
    folders : iterable of Path
        Folders in which requests may name files.
    trusted : mapping of str to set of str, optional
        Values that did not come from the request: those of the study file. Defaults are allowed, too.

    Raises
    ------
    InputError
        If a path is not allowed.
    """
    allowed = list(folders)
    names = ", ".join(map(str, allowed)) or "none; 'requests.folders' in config/config.yaml names them"
    problems = []
    for name, values in path_values(plan).items():
        known = (trusted or {}).get(name, set()) | set(_texts(plan.application.parameters[name].default))
        wrong = sorted(value for value in values - known if not is_below(value, allowed))
        message = f"'{name}' must be below a folder that requests may name, not {wrong[0][:200]!r}" if wrong else ""
        problems += [Problem(message, name, names)] if wrong else []
    if problems:
        raise InputError(problems)


def is_below(path: str, folders: Iterable[Path]) -> bool:
    """Return whether an absolute path is below one of the folders, both as written and with links resolved.

    >>> [is_below(path, [Path("/nowhere/a")]) for path in ("/nowhere/a/b", "/nowhere/a/../b", "b", "/nowhere/ab")]
    [True, False, False, False]
    """
    given = Path(path)
    around = [folder for folder in folders if given.is_relative_to(folder)]
    if not around or ".." in given.parts:  # do not access other paths at all
        return False
    try:
        real = given.resolve()
    except (OSError, RuntimeError, ValueError):  # a loop of links; a character that is invalid in paths
        return False
    return any(real.is_relative_to(folder.resolve()) for folder in around)


def _texts(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str) and item:
            yield item
