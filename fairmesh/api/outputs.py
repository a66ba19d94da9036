"""The outputs of an attempt: its log, in parts, and its artefacts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from fairmesh.jobs.paths import JobPaths
from fairmesh.runner import text
from fairmesh.runner.safefiles import open_regular
from fairmesh.status import JobStatus, log_path

MAX_FILES = 5000


def last_log_lines(job: JobStatus, lines: int = 20, attempt: int | None = None) -> list[str]:
    """Return the last lines of a log, without control characters."""
    return text.last_lines(log_path(job, attempt), lines)


@dataclass(frozen=True)
class LogPart:
    """A part of a log.

    Parameters
    ----------
    lines : list of str
        Without control characters and empty lines.
    offset, next, size : int
        Where it begins, where the next part begins, and how long the log is now, in bytes.
    """

    lines: list[str]
    offset: int
    next: int
    size: int


def log_part(path: Path, offset: int, limit: int, is_over: bool) -> LogPart:
    """Return the complete lines of a log in a range of bytes.

    Parameters
    ----------
    path : Path
        The log. If it does not exist or is a link, it counts as empty.
    offset, limit : int
        The first byte, and the largest number of bytes; a negative offset counts from the end.
    is_over : bool
        Whether the log is finished, so that a last line without a line end is complete.
    """
    try:
        file = open_regular(str(path), follow_links=False)
    except OSError:
        return LogPart([], 0, 0, 0)
    with file:
        size = os.fstat(file.fileno()).st_size
        begin = min(offset, size) if offset >= 0 else max(0, size + offset)
        file.seek(begin)
        data = file.read(limit)
    last_line_end = data.rfind(b"\n") + 1
    at_end = begin + len(data) >= size
    is_complete = (at_end and is_over) or (not last_line_end and len(data) == limit)
    end = len(data) if is_complete else last_line_end
    return LogPart(text.lines_of(data[:end]), begin, begin + end, size)


@dataclass(frozen=True)
class Artefact:
    """A file that an attempt wrote.

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

    Look up a requested name here instead of building a path from it: links and files elsewhere are left out.
    """
    number = attempt or job.attempt
    if not number:
        return {}
    folder = JobPaths(Path(job.folder)).attempt(number)
    return {artefact.name: artefact for artefact in islice(_walk(folder, ""), MAX_FILES)}


def _walk(folder: Path, prefix: str) -> Iterator[Artefact]:
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        name = f"{prefix}{entry.name}"
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), f"{name}/")
        elif entry.is_file(follow_symlinks=False) and name.isprintable():  # so it can be written in UTF-8, too
            yield Artefact(name, entry.stat(follow_symlinks=False).st_size, Path(entry.path))
