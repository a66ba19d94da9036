"""A copy of an application that travels with its job folders: its code, and neither environments nor caches."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

from fairmesh import files
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.runner.protocol import RUNNER
from fairmesh.runner.safefiles import open_regular
from fairmesh.study.application import Application
from fairmesh.study.find import APPLICATION
from fairmesh.study.validation import load_application

# Caches, environments and version control: what is made again elsewhere, or would not work there.
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
ENVIRONMENTS = ("pyvenv.cfg", "conda-meta")  # what a folder holds that is an environment, whatever it is called
_CACHE, _SIGNATURE = "CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55"  # https://bford.info/cachedir/
LARGEST = 50_000_000  # bytes that are copied although nobody has said what belongs to the code


@dataclass
class Code:
    """The files that make up an application.

    Parameters
    ----------
    folder : Path
        The folder of ``application.yaml``.
    files : list of Path
        Those that are copied.
    outside : list of str
        The links that lead out of the folder, which are left out, by their path from it.
    bytes : int
        The size of all files.
    is_stated : bool
        Whether ``code`` says what belongs to it.
    """

    folder: Path
    files: list[Path] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    bytes: int = 0
    is_stated: bool = False

    @classmethod
    def of(cls, application: Application) -> Code:
        """Find the files of an application: those that ``code`` matches, else all but environments and caches."""
        code = cls(application.folder, is_stated=bool(application.code))
        for path in _matching(application) if application.code else _files(application.folder, frozenset()):
            code._add(path)
        return code

    def _add(self, path: Path) -> None:
        if not _is_below(path, self.folder.resolve()):
            self.outside.append(str(path.relative_to(self.folder)))
        elif path.is_file():
            self.files.append(path)
            self.bytes += path.stat().st_size

    def __str__(self) -> str:
        """Return its size for people."""
        return f"{len(self.files)} {'file' if len(self.files) == 1 else 'files'}, {self.bytes / 1e6:.1f} MB"

    @property
    def excess(self) -> str:
        """Why it is not copied, and how to go on; empty if it is."""
        if self.is_stated or self.bytes <= LARGEST:
            return ""
        return (
            f"its folder holds {self}, more than {LARGEST / 1e6:.0f} MB are not copied unasked; "
            f"'code' in {APPLICATION} says what belongs to it, such as code: ['*.py', 'src/**']"
        )

    @property
    def notes(self) -> list[str]:
        """What a copy lacks, a line each."""
        return [f"{name} leads out of the application's folder and is not copied" for name in self.outside]


def application_files(folder: Path) -> list[Path]:
    """Return the files of the application in a folder that would be copied.

    Raises
    ------
    InputError
        If its ``application.yaml`` has mistakes.
    """
    return Code.of(load_application(folder / APPLICATION)).files


def copy_application(application: Application, target: Path) -> Code:
    """Copy an application's files; one that is there already, by size and time of change, is not touched.

    Parameters
    ----------
    application : Application
        What to copy. Of a link in its folder, what it leads to is copied, unless that lies outside.
    target : Path
        Where the copy goes.

    Raises
    ------
    InputError
        If it is too large to be copied unasked.
    """
    code = Code.of(application)
    if code.excess:
        raise InputError([Problem(code.excess, str(application.folder / APPLICATION))])
    for path in code.files:
        _copy(path, target / path.relative_to(code.folder))
    return code


def mirror_application(source: Path, target: Path) -> list[str]:
    """Copy an application's folder as ``copy_application`` does, and take away what is no longer in it.

    Returns
    -------
    list of str
        Why there is no copy, or what it lacks.
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


def _matching(application: Application) -> Iterator[Path]:
    """Return what the patterns of ``code`` match, folders with all below, and the files that application.yaml names."""
    folder = application.folder
    named = [APPLICATION, application.template, application.environment.conda]
    named += [stage.environment.conda for stage in application.all_stages.values()]
    paths = {folder / name for name in named if name and (folder / name).is_file()}
    for pattern in application.code:
        for path in folder.glob(pattern):
            paths |= {path} if _is_leaf(path) else {below for below in path.rglob("*") if _is_leaf(below)}
    yield from sorted(paths)


def _is_leaf(path: Path) -> bool:
    return path.is_symlink() or not path.is_dir()


def _files(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Return the files of a folder, of those below, and of those that links lead to; and links that lead outside."""
    real = folder.resolve()
    if real in above or (folder / RUNNER).exists():  # a link upward; a folder of results, perhaps the one we write
        return
    root = min((*above, real), key=lambda path: len(path.parts))
    for path in sorted(folder.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in LEFT_OUT):
            continue
        if not path.is_dir() or not _is_below(path, root):
            yield path
        elif not _is_made(path):
            yield from _files(path, above | {real})


def _is_below(path: Path, folder: Path) -> bool:
    """Return whether a path, or what it leads to, lies in a folder; a link to itself leads nowhere."""
    try:
        return path.resolve().is_relative_to(folder)
    except (OSError, RuntimeError):
        return False


def _is_made(folder: Path) -> bool:
    """Return whether a folder is an environment or a cache, which programs make."""
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
