"""Hash the code of an application, so that results that were measured with other code are recognized."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.files import file_sha256
from fairmesh.jobs.reading import read_environment
from fairmesh.results.other_code import other_code_sentence
from fairmesh.runner import protocol
from fairmesh.study.application import Application
from fairmesh.study.find import APPLICATION
from fairmesh.workflow.application_copy import all_files, matching_files

DATA = ("data", "datasets", "*.md", "*.rst", "LICEN[CS]E*", "CITATION.cff")
"""Names of data and documents, which do not count if ``code`` is not set."""
OUTPUTS = (protocol.METRICS, protocol.BASELINES, protocol.HISTORY)
"""Names of results, which do not count if ``code`` is not set: a program may have been tried in its own folder."""
PROJECT = ("config", "profiles", "site", "Snakefile")
"""Names that do not count in an application that is a whole project, if ``code`` is not set."""
LARGEST = 10_000_000  # bytes; a larger file is data if ``code`` is not set


@dataclass(frozen=True)
class CodeHash:
    """The hash of an application's code.

    Parameters
    ----------
    sha256 : str
        64 hex digits, which follow from the paths of the files, whether they can be executed, and their contents.
    files : int
        The number of files.
    unreadable : tuple of str
        The files that cannot be read, by relative path; only their names count.
    """

    sha256: str
    files: int
    unreadable: tuple[str, ...] = ()


def code_hash(application: Application) -> CodeHash:
    """Hash the files that ``code`` names; without it, the application's folder without environments, data and results.

    ``application.yaml`` does not count: what it says about the computation is in the fingerprint of an experiment. The
    target of a link counts like a file in its place; a link to a folder outside does not count.
    """
    lines, unreadable = [], []
    start = len(str(application.folder / "_")) - 1
    for path, status in _counted(application):
        name = path[start:]
        try:
            content = _file_hash(path, status) if status else ""
        except OSError:
            content = ""
        if not content:
            unreadable.append(name)
        mode = "x" if status and status.st_mode & stat.S_IXUSR else "-"
        lines.append(f"{name}\0{mode}{content}\n")
    text = "".join(sorted(lines)).encode("utf-8", "surrogateescape")
    return CodeHash(hashlib.sha256(text).hexdigest(), len(lines), tuple(unreadable))


def other_code_hint(environments: Sequence[Mapping[str, Any]]) -> str:
    """Return ``other_code_sentence`` with advice; empty if there are no such results."""
    sentence = other_code_sentence(environments)
    return f"{sentence}; `on_code_change: rerun` in the study measures them again" if sentence else ""


def environments_of(names: Sequence[str], home: Path) -> list[dict[str, Any]]:
    """Return the environments of results, each read once; empty ones for those that cannot be read.

    Parameters
    ----------
    names : sequence of str
        The name of the environment's file of each result.
    home : Path
        The results folder.
    """
    contents = {name: read_environment(home / protocol.ENVIRONMENTS / f"{name}.json")[0] for name in set(names)}
    return [contents[name] for name in names]


def _counted(application: Application) -> Iterator[tuple[str, os.stat_result | None]]:
    """Yield the path and status of each file that counts; a file that has no status cannot be read."""
    folder = application.folder
    no_code = {folder / APPLICATION}
    if not application.code:
        no_code |= {folder / "tables" / f"{name}.csv" for name in application.tables}
    left_out = DATA + OUTPUTS + (PROJECT if (folder / "config/config.yaml").exists() else ())
    for path in matching_files(application) if application.code else all_files(folder, left_out):
        name = str(path)
        status = _status(name)
        if status and stat.S_ISDIR(status.st_mode):
            continue  # a link to a folder outside
        if path not in no_code and (application.code or not status or status.st_size <= LARGEST):
            yield name, status


def _status(path: str) -> os.stat_result | None:
    """Return the status of a file, or of a link to a folder outside; None if it cannot be read."""
    try:
        status = os.stat(path)  # noqa: PTH116  ten thousand files
    except OSError:
        return None
    is_folder = stat.S_ISDIR(status.st_mode)
    return None if is_folder and not os.access(path, os.R_OK | os.X_OK) else status


_known: dict[str, tuple[tuple[int, ...], str]] = {}
"""The hashes of this process's files, with the properties that a change would change."""


def _file_hash(path: str, status: os.stat_result) -> str:
    """Return the SHA-256 of a file; it is read again only after a change."""
    signature = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    if path not in _known or _known[path][0] != signature:
        _known[path] = (signature, file_sha256(Path(path)))
    return _known[path][1]
