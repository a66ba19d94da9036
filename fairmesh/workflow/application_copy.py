"""Copy the code of an application to its job folders, without environments and caches."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path

from fairmesh import files
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.runner.protocol import RUNNER
from fairmesh.runner.safefiles import open_regular
from fairmesh.study.application import Application
from fairmesh.study.find import APPLICATION
from fairmesh.study.validation import load_application

# Caches, environments and version control, which are created again or do not work elsewhere.
LEFT_OUT = (
    "__pycache__",
    "*.pyc",
    "*.egg-info",
    ".git",
    ".hg",
    ".svn",
    ".venv",
    ".tox",
    ".nox",
    ".snakemake",
    ".*_cache",
    ".cache",
    ".hypothesis",
    ".ipynb_checkpoints",
    ".DS_Store",
    "node_modules",
    "wandb",
    "mlruns",
)
ENVIRONMENTS = ("pyvenv.cfg", "conda-meta")  # files that identify an environment
_CACHE, _SIGNATURE = "CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55"  # https://bford.info/cachedir/
LARGEST = 50_000_000  # bytes that are copied if ``code`` is not set


@dataclass
class Code:
    """The files that make up an application.

    Parameters
    ----------
    folder : Path
        The folder of ``application.yaml``.
    files : list of Path
        The files to copy.
    outside : list of str
        The links that lead out of the folder and are not copied, by relative path.
    bytes : int
        The size of all files.
    is_stated : bool
        Whether ``code`` is set.
    """

    folder: Path
    files: list[Path] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    bytes: int = 0
    is_stated: bool = False

    @classmethod
    def of(cls, application: Application) -> Code:
        """Find the files of an application: those that ``code`` matches, or all except environments and caches."""
        code = cls(application.folder, is_stated=bool(application.code))
        for path in matching_files(application) if application.code else all_files(application.folder):
            code._add(path)
        return code

    def _add(self, path: Path) -> None:
        if not _is_below(path, self.folder.resolve()):
            self.outside.append(str(path.relative_to(self.folder)))
        elif path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
            raise InputError([Problem("the folder cannot be read", str(path))])
        elif path.is_file():
            self.files.append(path)
            self.bytes += path.stat().st_size

    def __str__(self) -> str:
        """Return the number of files and their size as text."""
        return f"{len(self.files)} {'file' if len(self.files) == 1 else 'files'}, {self.bytes / 1e6:.1f} MB"

    @property
    def excess(self) -> str:
        """The reason why it is not copied, with advice; empty if it is."""
        if self.is_stated or self.bytes <= LARGEST:
            return ""
        return (
            f"its folder holds {self}, more than {LARGEST / 1e6:.0f} MB are not copied unasked; "
            f"'code' in {APPLICATION} says what belongs to it, such as code: ['*.py', 'src/**']"
        )

    @property
    def notes(self) -> list[str]:
        """The links that a copy lacks, one line each."""
        return [f"{name} leads out of the application's folder and is not copied" for name in self.outside]


def application_files(folder: Path) -> list[Path]:
    """Return the files of the application in a folder that would be copied.

    Raises
    ------
    InputError
        If its ``application.yaml`` is invalid.
    """
    return Code.of(load_application(folder / APPLICATION)).files


def copy_application(application: Application, target: Path) -> Code:
    """Copy an application's files; files with unchanged size and modification time are not touched.

    Parameters
    ----------
    application : Application
        The application. Links in its folder are followed, unless they lead outside.
    target : Path
        The folder of the copy.

    Raises
    ------
    InputError
        If ``code`` is not set and the folder is too large.
    """
    code = Code.of(application)
    if code.excess:
        raise InputError([Problem(code.excess, str(application.folder / APPLICATION))])
    for path in code.files:
        _copy(path, target / path.relative_to(code.folder))
    return code


def content_hash(application: Application) -> str:
    """Return a hash of the files that would be copied: their paths, contents, and whether they can be executed."""
    code = Code.of(application)
    entries = [
        (str(path.relative_to(code.folder)), _is_program(path), files.file_sha256(path)) for path in sorted(code.files)
    ]
    return files.text_sha256(files.canonical_json(entries))


def mirror_application(source: Path, target: Path) -> list[str]:
    """Copy an application like ``copy_application``, and delete files that it no longer has.

    Returns
    -------
    list of str
        The reason why there is no copy, or what the copy lacks.
    """
    try:
        code = copy_application(load_application(source / APPLICATION), target)
    except FairmeshError as error:
        return str(error).splitlines()
    kept = {target / path.relative_to(source) for path in code.files}
    for path in target.rglob("*"):
        if path not in kept and not path.is_dir():
            path.unlink()
    return code.notes


def matching_files(application: Application) -> Iterator[Path]:
    """Yield the files that the patterns of ``code`` match, and those that application.yaml names."""
    folder = application.folder
    environments = [application.environment, *(stage.environment for stage in application.all_stages.values())]
    named = [APPLICATION, application.template]
    named += [name for environment in environments for name in (environment.conda, environment.requirements)]
    paths = {folder / name for name in named if name and (folder / name).is_file()}
    for pattern in application.code:
        for path in folder.glob(pattern):
            paths |= {path} if _is_leaf(path) else {below for below in path.rglob("*") if _is_leaf(below)}
    yield from sorted(paths)


def _is_leaf(path: Path) -> bool:
    return path.is_symlink() or not path.is_dir()


def all_files(folder: Path, left_out: tuple[str, ...] = ()) -> Iterator[Path]:
    """Yield the files below a folder, following links, the links that lead outside, and folders that cannot be read.

    Parameters
    ----------
    folder : Path
        The folder.
    left_out : tuple of str
        Patterns of names to leave out, besides environments and caches.
    """
    names = re.compile("|".join(map(translate, (*LEFT_OUT, *left_out))))
    return _files(folder, frozenset(), names)


def _files(folder: Path, above: frozenset[Path], left_out: re.Pattern[str]) -> Iterator[Path]:
    real = folder.resolve()
    if (
        real in above or (folder / RUNNER).exists()
    ):  # a link to a parent folder; a results folder, perhaps the current one
        return
    root = min((*above, real), key=lambda path: len(path.parts))
    try:
        with os.scandir(folder) as entries:
            kept = sorted((entry for entry in entries if not left_out.match(entry.name)), key=lambda entry: entry.name)
    except PermissionError:
        yield folder
        return
    for entry in kept:
        path, is_link = folder / entry.name, entry.is_symlink()
        is_folder = path.is_dir() and _is_below(path, root) if is_link else entry.is_dir()
        if not is_folder:
            yield path
        elif not _is_made(path):
            yield from _files(path, above | {real}, left_out)


def _is_below(path: Path, folder: Path) -> bool:
    """Return whether a path or the target of a link lies in a folder; circular links do not."""
    try:
        return path.resolve().is_relative_to(folder)
    except (OSError, RuntimeError):
        return False


def _is_made(folder: Path) -> bool:
    """Return whether a folder is an environment or a cache."""
    if any((folder / name).exists() for name in ENVIRONMENTS):
        return True
    try:
        with open_regular(str(folder / _CACHE)) as file:
            return file.read(len(_SIGNATURE)) == _SIGNATURE
    except OSError:
        return False


def _copy(source: Path, target: Path) -> None:
    if target.is_file() and _signature(source) == _signature(target):
        return
    files.copy_file(source, target, files.PROGRAM if _is_program(source) else files.PLAIN, flush=False)


def _signature(path: Path) -> tuple[int, int, bool]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, _is_program(path)


def _is_program(path: Path) -> bool:
    return bool(path.stat().st_mode & stat.S_IXUSR)
