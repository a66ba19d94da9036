"""A copy of an application that travels with its job folders."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import RUNNER

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
    ".hypothesis",
    ".ipynb_checkpoints",
    ".DS_Store",
)


def copy_application(source: Path, target: Path) -> None:
    """Copy an application's folder; a file that is there already, by size and time of change, is not touched.

    Parameters
    ----------
    source : Path
        The folder of ``application.yaml``. What links in it lead to is copied.
    target : Path
        Where the copy goes.
    """
    for path in _files(source, frozenset()):
        _copy(path, target / path.relative_to(source))


def mirror_application(source: Path, target: Path) -> None:
    """Copy an application's folder as ``copy_application`` does, and take away what is no longer in it."""
    copy_application(source, target)
    kept = {target / path.relative_to(source) for path in _files(source, frozenset())}
    for path in target.rglob("*"):
        if path not in kept and not path.is_dir():
            path.unlink()


def _files(folder: Path, above: frozenset[Path]) -> Iterator[Path]:
    """Give the files of a folder, of those below, and of those that links lead to."""
    real = folder.resolve()
    if real in above or (folder / RUNNER).exists():  # a link upward; a folder of results, perhaps the one we write
        return
    for path in sorted(folder.iterdir()):
        if any(fnmatch(path.name, pattern) for pattern in LEFT_OUT):
            continue
        if path.is_dir():
            yield from _files(path, above | {real})
        elif path.is_file():
            yield path


def _copy(source: Path, target: Path) -> None:
    if target.is_file() and _signature(source) == _signature(target):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(jsonfiles.half_path(str(target)))
    try:
        shutil.copy2(source, beside)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)


def _signature(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_mode
