"""Write a project: ``fairmesh init``."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from fairmesh.api.project_files import PROGRAM, ProjectSettings, framework_files, personal_files
from fairmesh.api.upgrade import WrittenFiles
from fairmesh.errors import InputError, Problem
from fairmesh.files import write_new
from fairmesh.installed import find_other_workflow
from fairmesh.project import CONFIG, find_project
from fairmesh.schema import load_yaml
from fairmesh.study.find import APPLICATION
from fairmesh.study.settings import Config

_GIT, _IGNORE = ".git", ".gitignore"


@dataclass(frozen=True)
class NewProject:
    """What was written.

    Parameters
    ----------
    written, kept : tuple of str
        The files that were written, and those that existed and were not changed.
    unignored : tuple of str
        The lines that an existing .gitignore lacks.
    has_new_repository : bool
        Whether ``git init`` was run.
    other_workflow : Path or None
        The Snakefile of another workflow, beside which the project has none.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]
    unignored: tuple[str, ...]
    has_new_repository: bool
    other_workflow: Path | None


def check_folder(folder: Path, here: bool) -> None:
    """Check that a project can be written into a folder, which need not exist.

    Parameters
    ----------
    folder : Path
        The folder.
    here : bool
        Whether to join what is in it.

    Raises
    ------
    InputError
        If it is a file, or holds something and ``here`` is false.
    """
    for path in (folder, *folder.parents):
        if os.path.lexists(path) and not path.is_dir():
            raise InputError([Problem(f"is {_kind(path)}; choose another folder", str(path))])
    if not here and folder.is_dir() and {path.name for path in folder.iterdir()} - {_GIT}:
        message = "the folder is not empty; with --here, init adds a project and changes no file"
        raise InputError([Problem(message, str(folder))])


def enclosing_project(folder: Path) -> Path | None:
    """Return the nearest project that encloses a folder."""
    return find_project(folder.resolve().parent)


def write_project(folder: Path, settings: ProjectSettings) -> NewProject:
    """Write a project into a folder; files that exist are not changed, and after a failure nothing new is left.

    In a folder that is a project already, only missing files of the framework are written.

    Raises
    ------
    InputError
        If there is no such application, or a file where a folder is needed.
    """
    framework = framework_files(folder, settings.profiles)
    personal = {} if _is_project(folder) else personal_files(settings)
    texts = framework | personal
    _check_folders(folder, texts)
    if f"{PROGRAM}/{APPLICATION}" in personal and os.path.lexists(folder / PROGRAM):
        message = "exists; use --application none, and then `fairmesh new NAME --program python`"
        raise InputError([Problem(message, str(folder / PROGRAM))])
    kept = [name for name in texts if os.path.lexists(folder / name)]
    written = tuple(name for name in texts if name not in kept)
    known = WrittenFiles.read(folder)
    with _removed_after_failure() as made:
        for name in written:
            _write(folder / name, texts[name], made)
        known.add(framework, written)
        known.write(folder)
    return NewProject(
        written, tuple(kept), _unignored(folder, personal), _git_init(folder), find_other_workflow(folder)
    )


def _is_project(folder: Path) -> bool:
    """Return whether a folder is a project.

    Raises
    ------
    InputError
        If its configuration is that of something else, such as another workflow.
    """
    path = folder / CONFIG
    keys = load_yaml(path).entries.keys() if path.is_file() else set()
    if keys and not keys & Config.model_fields.keys():
        message = "is not of fairmesh; put the project into a folder of its own, as in `fairmesh init benchmarks`"
        raise InputError([Problem(message, str(path))])
    return path.is_file()


def _check_folders(folder: Path, names: Iterable[str]) -> None:
    """Check that there is no file where a folder is needed."""
    parents = {parent for name in names for parent in Path(name).parents}
    for parent in sorted(parents):
        path = folder / parent
        if os.path.lexists(path) and not path.is_dir():
            raise InputError([Problem(f"is {_kind(path)}; a project has a folder of this name", str(path))])


def _kind(path: Path) -> str:
    return "a link that leads nowhere" if path.is_symlink() and not path.exists() else "a file"


@contextmanager
def _removed_after_failure() -> Iterator[list[Path]]:
    """Yield a list; after a failure, the files and folders in it are removed, the last one first."""
    made: list[Path] = []
    try:
        yield made
    except BaseException:
        for path in reversed(made):
            with suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise


def _write(path: Path, text: str, made: list[Path]) -> None:
    """Write a new file and its folders, and add them to what was made."""
    for parent in reversed([parent for parent in path.parents if not parent.exists()]):
        parent.mkdir()
        made.append(parent)
    made.append(path)
    try:
        write_new(path, text)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _unignored(folder: Path, personal: dict[str, str]) -> tuple[str, ...]:
    """Return the lines that .gitignore lacks."""
    present = (folder / _IGNORE).read_text(encoding="utf-8", errors="replace").splitlines() if personal else []
    return tuple(line for line in personal.get(_IGNORE, "").splitlines() if line not in present)


def _git_init(folder: Path) -> bool:
    """Make a git repository if the folder is in none; return whether it was made."""
    place = folder.resolve()
    if any(os.path.lexists(parent / _GIT) for parent in (place, *place.parents)):
        return False
    try:
        done = subprocess.run(["git", "init", "--quiet", str(place)], capture_output=True, check=False)
    except OSError:  # there is no git
        return False
    return done.returncode == 0


def git_user() -> str:
    """Return the name that git knows the user by; empty if there is none."""
    try:
        done = subprocess.run(["git", "config", "user.name"], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()
