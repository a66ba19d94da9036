"""The project: the nearest folder upward with ``config/config.yaml``; its files, or else the installed ones."""

from __future__ import annotations

import os
from pathlib import Path

from fairmesh.errors import InputError, Problem, nearest, place
from fairmesh.files import expand_path
from fairmesh.installed import installed
from fairmesh.schema import Node, load_yaml

CONFIG = Path("config/config.yaml")
MACHINES = Path("config/machines.yaml")
STUDIES = Path("config/studies")
RESOURCES = Path("config/resources")
PROFILES = Path("profiles")
PROFILE_CONFIG = "config.yaml"


def find_project(start: Path | None = None) -> Path | None:
    """Return the nearest folder upward with ``config/config.yaml``; None if there is none.

    Parameters
    ----------
    start : Path, optional
        The folder to begin with; by default the current one.

    Raises
    ------
    InputError
        If the current folder was deleted.
    """
    start = start or current_folder()
    return next((folder.resolve() for folder in (start, *start.parents) if _is_project(folder)), None)


def project_folder(given: str | Path | None = None) -> Path:
    """Return the folder of a project, without symbolic links.

    Parameters
    ----------
    given : str or Path, optional
        The folder itself; by default it is the nearest one upward from the current folder.

    Raises
    ------
    InputError
        If there is no project.
    """
    if given:
        return _checked(Path(given))
    project = find_project()
    if project is None:
        where = f"there is no {CONFIG} in {current_folder()} or above"
        raise InputError([Problem(f"no project here: {where}; `fairmesh init` makes one, --project DIR names one")])
    return project


def current_folder() -> Path:
    """Return the current folder as the shell names it: its name may contain symbolic links that lead out of a project.

    Raises
    ------
    InputError
        If it was deleted.
    """
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        raise InputError([Problem("the current folder was deleted; change to another one")]) from None
    named = Path(os.environ.get("PWD", ""))
    return named if named.is_absolute() and named.exists() and named.samefile(folder) else folder


def _is_project(folder: Path) -> bool:
    try:
        return (folder / CONFIG).is_file()
    except PermissionError:
        return False


def _checked(folder: Path) -> Path:
    """Return the folder of a project that somebody named; raise if it is not one."""
    if _is_project(folder):
        return folder.resolve()
    if not folder.exists():
        raise InputError([Problem(f"no project: there is no folder {str(folder)!r}")])
    if not folder.is_dir():
        raise InputError([Problem(f"no project: {str(folder)!r} is a file, not a folder")])
    above = find_project(folder.resolve())
    message = f"no project: there is no {CONFIG} in {str(folder)!r}"
    raise InputError([Problem(message, near=str(above) if above else "")])


def is_path(text: str) -> bool:
    """Return whether a text means a file or folder, and not the name of a study, an application or a profile.

    >>> [is_path(text) for text in ("quick", "./quick", "..", "quick.yaml")]
    [False, True, True, True]
    """
    return "/" in text or text in {".", ".."} or text.endswith((".yaml", ".yml"))


def own_or_installed(project: Path | None, name: str | Path) -> Path:
    """Return a file or folder of a project if it has its own, or else the installed one."""
    own = project / name if project else None
    return own if own and own.exists() else installed(str(name))


def profile_folders(project: Path | None) -> dict[str, Path]:
    """Return the profiles by name: those of a project, and the installed ones that it does not replace."""
    places = [installed(str(PROFILES)), *([project / PROFILES] if project else [])]
    folders = {path.parent.name: path.parent for place in places for path in place.glob(f"*/{PROFILE_CONFIG}")}
    return dict(sorted(folders.items()))


def find_profile(given: str, project: Path | None) -> Path:
    """Return the folder of a profile.

    Parameters
    ----------
    given : str
        A name, also as ``profiles/NAME``; or a folder, relative to the current folder or the project.
    project : Path or None
        The project.

    Raises
    ------
    InputError
        If there is no such profile, with the nearest name.
    """
    known = profile_folders(project)
    is_named = Path(given).parent in {PROFILES, Path()}
    folders = [] if is_named else [Path(given), *([project / given] if project else [])]
    match = next((folder for folder in folders if (folder / PROFILE_CONFIG).is_file()), None)
    name = Path(given).name if is_named else given
    if match is None and name not in known:
        raise InputError(
            [Problem(f"there is no profile {given!r}", "--profile", ", ".join(known), nearest(name, known))]
        )
    return match or known[name]


def results_folder(project: Path) -> Path:
    """Return the results folder that the configuration of a project names.

    Raises
    ------
    InputError
        If the configuration cannot be read.
    """
    return project / (configured_path("results", project) or "results")


def configured_study(project: Path) -> str:
    """Return the study that the configuration of a project names: a name, or the path of its file.

    Raises
    ------
    InputError
        If it names none.
    """
    study = configured("study", project)
    if not study:
        raise InputError([Problem("'study' is missing: name the study", place(project / CONFIG))])
    return str(project / study) if is_path(study) else study


def configured_path(key: str, project: Path) -> str:
    """Return a path of the configuration, with home and variables expanded.

    Raises
    ------
    InputError
        If they cannot be expanded.
    """
    try:
        return expand_path(configured(key, project))
    except ValueError as error:
        raise InputError([Problem(f"{key!r} {error}", place(project / CONFIG))]) from error


def configured(key: str, project: Path) -> str:
    """Return a text of the configuration; empty if the key is missing."""
    return text_of(load_yaml(project / CONFIG), key)


def text_of(node: Node, key: str) -> str:
    """Return the text of a key of a map; empty if it is missing or not a text or number."""
    entry = node.entries.get(key)
    return "" if entry is None or isinstance(entry.value, dict | list | None) else entry.text or str(entry.value)


def study_of_run(source: Path, project: Path) -> str:
    """Return how the configuration names a study file: by its name, or by its path."""
    path = source.parent.resolve() / source.name
    if path.parent == project / STUDIES:
        return path.stem
    seen = seen_from(path, project)
    return seen if seen.startswith("/") else f"./{seen}"


def seen_from(path: Path, project: Path) -> str:
    """Return a path relative to the project, in which runs are started; absolute if it is elsewhere."""
    path = path.absolute()
    return str(path.relative_to(project) if path.is_relative_to(project) else path)
