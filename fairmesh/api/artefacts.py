"""The files that an attempt left, by their names in its folder; nothing outside of it, and no links."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairmesh.jobs.paths import JobPaths
from fairmesh.status import JobStatus

MOST = 5000  # files


@dataclass(frozen=True)
class Artefact:
    """A file of an attempt.

    Parameters
    ----------
    name : str
        Its path in the attempt's folder.
    bytes : int
        Its size.
    path : Path
        Where it is.
    """

    name: str
    bytes: int
    path: Path


def artefacts(job: JobStatus, attempt: int | None = None) -> dict[str, Artefact]:
    """Return the files of an attempt by name, by default of the last one; none if there is no such attempt.

    A name that somebody asks for is looked up here, and never put into a path.
    """
    number = attempt or job.attempt
    if not number:
        return {}
    folder = JobPaths(Path(job.folder)).attempt(number)
    found = {}
    for each in _walk(folder, ""):
        found[each.name] = each
        if len(found) == MOST:
            break
    return found


def _walk(folder: Path, below: str) -> Iterator[Artefact]:
    try:
        entries = sorted(os.scandir(folder), key=lambda each: each.name)
    except OSError:
        return
    for entry in entries:
        name = f"{below}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{name}/")
        elif entry.is_file(follow_symlinks=False) and _is_text(name):
            yield Artefact(name, entry.stat(follow_symlinks=False).st_size, Path(entry.path))


def _is_text(name: str) -> bool:
    """Return whether a file's name can be written in UTF-8, and has no control characters."""
    return name.isprintable()
