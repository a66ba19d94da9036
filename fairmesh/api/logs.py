"""What an experiment wrote to its log, in parts: the last lines, or from a place on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from fairmesh.runner import text
from fairmesh.runner.regular import open_regular
from fairmesh.status import JobStatus, log_path


def last_lines(job: JobStatus, lines: int = 20, attempt: int | None = None) -> list[str]:
    """Return the last lines of a log, harmless on a terminal."""
    return text.last_lines(log_path(job, attempt), lines)


@dataclass(frozen=True)
class LogPart:
    """A part of a log.

    Parameters
    ----------
    lines : list of str
        Harmless on a terminal; without empty ones.
    offset, next, size : int
        Where it begins, where the next part begins, and how long the log is now, in bytes.
    """

    lines: list[str]
    offset: int
    next: int
    size: int


def log_part(path: Path, offset: int, limit: int, is_over: bool) -> LogPart:
    """Return the whole lines of a log that lie in a range of bytes.

    Parameters
    ----------
    path : Path
        The log; one that is not there, or is a link, is empty.
    offset, limit : int
        The first byte, and how many at most; a negative offset counts from the end.
    is_over : bool
        Whether nobody writes any more, so that a last line without an end is whole.
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
    cut = data.rfind(b"\n") + 1
    at_end = begin + len(data) >= size
    end = len(data) if (at_end and is_over) or (not cut and len(data) == limit) else cut
    return LogPart(text.lines_of(data[:end]), begin, begin + end, size)
