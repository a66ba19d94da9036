"""Check the files that users write: studies, applications, machines, the configuration and profiles."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fairmesh.errors import FairmeshError, InputError, Problem, nearest, place
from fairmesh.printing import count_text
from fairmesh.project import CONFIG, MACHINES, PROFILE_CONFIG, PROFILES, STUDIES, is_path
from fairmesh.schema import Node, load_yaml
from fairmesh.study import load_plan
from fairmesh.study.find import APPLICATION, find_applications, find_study
from fairmesh.study.machines import load_machines
from fairmesh.study.settings import load_config
from fairmesh.study.validation import load_application
from fairmesh.workflow import configuration
from fairmesh.workflow.command_check import command_warnings


@dataclass(frozen=True)
class Checked:
    """The result of checking a file or folder.

    Parameters
    ----------
    kind : str
        ``study``, ``application``, ``machines``, ``configuration`` or ``profile``.
    name : str
        The file or folder.
    says : str
        A summary of its content, if it is valid.
    warnings : tuple of str
        The warnings.
    problems : tuple of Problem
        All errors.
    """

    kind: str
    name: str
    says: str = ""
    warnings: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data."""
        return asdict(self) | {"is_right": not self.problems}


def check(given: str, root: Path, machine: str) -> Checked:
    """Check a study by its name, or a file or folder by its path.

    Raises
    ------
    InputError
        If it does not exist.
    """
    if is_path(given) and Path(given).is_dir():
        return check_folder(Path(given), root, machine)
    return check_file(find_study(given, root), root, machine)


def check_folder(path: Path, root: Path, machine: str) -> Checked:
    """Check the folder of an application or a profile.

    Raises
    ------
    InputError
        If the folder is neither.
    """
    if (path / APPLICATION).is_file():
        return check_file(path / APPLICATION, root, machine)
    if (path / PROFILE_CONFIG).is_file():
        return _checked("profile", path, lambda: _profile(path, root))
    allowed = f"one with {APPLICATION}, or a profile"
    raise InputError([Problem(f"nothing in the folder {str(path)!r} can be checked", "", allowed)])


def check_file(path: Path, root: Path, machine: str) -> Checked:
    """Check a file according to its kind."""
    kind = _kind(path)
    checks: dict[str, Callable[[], tuple[str, list[str]]]] = {
        "application": lambda: _application(path),
        "machines": lambda: (", ".join(load_machines(path)), []),
        "configuration": lambda: (_configuration(path, root), []),
        "profile": lambda: _profile(path.parent, root),
        "study": lambda: _study(path, root, machine),
    }
    return _checked(kind, path, checks[kind])


def everything(project: Path) -> Iterator[Path]:
    """Yield all files and folders to check in a project."""
    yield from (path for path in (project / CONFIG, project / MACHINES) if path.is_file())
    yield from sorted(path.parent for path in (project / PROFILES).glob(f"*/{PROFILE_CONFIG}"))
    yield from sorted(find_applications(project).values())
    yield from sorted((project / STUDIES).glob("*.yaml"))


def _checked(kind: str, path: Path, check: Callable[[], tuple[str, list[str]]]) -> Checked:
    try:
        says, warnings = check()
    except InputError as error:
        return Checked(kind, place(path), problems=tuple(error.problems))
    except FairmeshError as error:
        return Checked(kind, place(path), problems=(Problem(str(error)),))
    return Checked(kind, place(path), says, tuple(warnings))


def _kind(path: Path) -> str:
    """Return the kind of a file by its name or its keys; a study by default."""
    names = {
        APPLICATION: "application",
        MACHINES.name: "machines",
        configuration.PROFILE_MACHINE: "profile",
    }
    if path.name in names:
        return names[path.name]
    keys = _keys(path)
    if path.name == PROFILE_CONFIG and (path.parent / configuration.PROFILE_MACHINE).is_file():
        return "profile"
    if "study" in keys and not keys & {"application", "parameters"}:
        return "configuration"
    return "application" if "name" in keys and keys & {"command", "stages"} else "study"


def _keys(path: Path) -> set[str]:
    """Return the keys of a file; none if it cannot be read or is not a map, which the check reports."""
    try:
        return set(load_yaml(path, []).entries)
    except InputError:
        return set()


def _study(path: Path, root: Path, machine: str) -> tuple[str, list[str]]:
    plan = load_plan(path, root, machine)
    warnings = [*plan.warnings, *command_warnings(plan, root)]
    if path.parent.resolve() == (root / STUDIES).resolve() and path.stem != plan.study:
        names = f"the study is named {plan.study!r}, its file {path.stem!r}"
        advice = f"plan and run it as {path.stem!r}, read its results as {plan.study!r}"
        warnings.append(f"{place(path)}: {names}; {advice}, or give both the same name")
    return f"{count_text(len(plan.experiments), 'experiment')} of {plan.application.name}", warnings


def _application(path: Path) -> tuple[str, list[str]]:
    application = load_application(path)
    counts = f"{len(application.parameters)} parameters, {len(application.metrics)} metrics"
    return f"{application.name} {application.version}: {counts}", []


def _configuration(path: Path, root: Path) -> str:
    """Check a configuration, and that its study and machine exist."""
    config, node = load_config(path), load_yaml(path)
    problems = []
    try:
        study = find_study(config.study, root)
        if not study.is_file():
            problems.append(Problem(f"there is no file {config.study!r}", node.entries["study"].place(path)))
    except InputError as error:
        problems += [replace(problem, where=node.entries["study"].place(path)) for problem in error.problems]
    try:
        configuration.find_machine(config.machine, root, node.entries.get("machine", node).place(path))
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(problems)
    return config.study


def _profile(folder: Path, root: Path) -> tuple[str, list[str]]:
    """Check that a profile is valid, loads the file with its machine, and names a known machine."""
    profile = configuration.read_profile(folder)
    file = folder / configuration.PROFILE_MACHINE
    if not file.is_file():
        return profile.machine, [f"{place(folder)}: it names no machine; {configuration.LOCAL!r} is taken"]
    node = load_yaml(file)
    problems = [
        Problem(f"unknown key {key!r}", node.key_place(file, key), "machine", nearest(key, ["machine"]))
        for key in node.entries
        if key != "machine"
    ]
    if problems:
        raise InputError(problems)
    configuration.find_machine(profile.machine, root, node.entries.get("machine", Node(None)).place(file))
    listed = load_yaml(folder / PROFILE_CONFIG).entries.get("configfile", Node([])).plain()
    names = [listed] if isinstance(listed, str) else listed or []
    loaded = any(Path(str(name)).name == configuration.PROFILE_MACHINE for name in names)
    file = folder / PROFILE_CONFIG
    warning = f"{place(file)}: its 'configfile' does not load {configuration.PROFILE_MACHINE}"
    return profile.machine, [] if loaded else [warning]
