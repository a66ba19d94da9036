"""Files that a request may name: those below folders of the configuration, and no others, there or not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from fairmesh.errors import InputError, Problem
from fairmesh.study.plan import Plan

PATH = "path"


def path_values(plan: Plan) -> dict[str, set[str]]:
    """Return the values of each parameter that names files or folders, as its application says."""
    declared = plan.application.parameters
    return {
        name: {text for each in plan.experiments for text in _texts(each.parameters.get(name))}
        for name, parameter in declared.items()
        if parameter.format == PATH
    }


def check_paths(plan: Plan, folders: Iterable[Path], own: Mapping[str, set[str]] | None = None) -> None:
    """Check the paths in a plan that a request had a part in; the answer does not depend on what is there.

    Parameters
    ----------
    plan : Plan
        As it was asked for.
    folders : iterable of Path
        Below which files may be named.
    own : mapping of str to set of str, optional
        Values that did not come from the request: those of the study file. Defaults are never the request's.

    Raises
    ------
    InputError
        If a path is elsewhere.
    """
    allowed = list(folders)
    names = ", ".join(map(str, allowed)) or "none; 'requests.folders' in config/config.yaml names them"
    problems = []
    for name, values in path_values(plan).items():
        known = (own or {}).get(name, set()) | set(_texts(plan.application.parameters[name].default))
        wrong = sorted(value for value in values - known if not is_below(value, allowed))
        message = f"'{name}' must lie below a folder that requests may name, not {wrong[0][:200]!r}" if wrong else ""
        problems += [Problem(message, name, names)] if wrong else []
    if problems:
        raise InputError(problems)


def is_below(path: str, folders: Iterable[Path]) -> bool:
    """Whether an absolute path lies below one of some folders, as it is written and after its links are followed.

    >>> [is_below(path, [Path("/nowhere/a")]) for path in ("/nowhere/a/b", "/nowhere/a/../b", "b", "/nowhere/ab")]
    [True, False, False, False]
    """
    found = Path(path)
    around = [folder for folder in folders if found.is_relative_to(folder)]
    if not around or ".." in found.parts:  # what is elsewhere is not even looked at
        return False
    try:
        real = found.resolve()
    except (OSError, RuntimeError, ValueError):  # a circle of links; a character that no path has
        return False
    return any(real.is_relative_to(folder.resolve()) for folder in around)


def _texts(value: object) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, str) and each:
            yield each
