"""Read the log of an attempt: its last lines, or new lines as they are written, safe to print on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from fairmesh.runner.safefiles import open_regular
from fairmesh.runner.text import lines_of

BLOCK = 1 << 16  # bytes from the end that are searched for lines
MOST = 10_000  # lines that are compared


class Growing:
    """A growing log, read one block at a time.

    Parameters
    ----------
    path : Path
        The log; if the attribute is set to another path, that file is read from its beginning.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[Path, int] = (path, 0)

    def skip_to(self, lines: int) -> None:
        """Skip all but the last lines."""
        data = _block(self.path, max(0, _size(self.path) - BLOCK))
        kept = b"".join(data.splitlines(keepends=True)[-lines:])
        self._read = (self.path, _size(self.path) - len(kept))

    def read(self, last: bool = False) -> Iterator[str]:
        """Yield the new lines, safe to print; an unterminated line only if ``last`` is true."""
        if self._read[0] != self.path:
            self._read = (self.path, 0)
        while True:
            data = _block(self.path, self._read[1])
            end = len(data) if last else data.rfind(b"\n") + 1 or (len(data) if len(data) == BLOCK else 0)
            if not end:
                return
            self._read = (self.path, self._read[1] + end)
            yield from lines_of(data[:end])


class Window:
    """Finds the new lines of a log that can be read only as its last lines, again and again.

    Lines count as known where the end of what was returned is the beginning of the last lines. The last one may be
    unfinished, so it is returned when another one follows, it is the same at the next look, or the log has ended.

    Parameters
    ----------
    lines : int
        How many of the lines that are there at first are new.
    """

    def __init__(self, lines: int) -> None:
        self._lines = lines
        self._returned: list[str] | None = None
        self._held: list[str] = []

    def new(self, lines: Sequence[str], last: bool = False) -> list[str]:
        """Return the lines that are new in the last lines of the log; all of them if ``last`` is true."""
        if self._returned is None:
            self._returned = list(lines[: -self._lines])
        known, new = _compared(self._returned, list(lines))
        held = new[-1:] if not last and new != self._held else []
        self._held = held
        new = new[: len(new) - len(held)]
        self._returned = [*known, *new][-MOST:] if new else self._returned
        return new


def _compared(returned: list[str], lines: list[str]) -> tuple[list[str], list[str]]:
    """Return the lines that are known, and the new ones.

    The first of the last lines may be cut, and the last line that was returned may have changed since.
    """
    pairs = [(known, rest) for known in (returned, returned[:-1]) for rest in (lines, lines[1:])]
    known, rest = max(pairs, key=lambda pair: _overlap(*pair))
    overlap = _overlap(known, rest)
    return (known, rest[overlap:]) if overlap else (returned, lines)


def _overlap(known: list[str], lines: list[str]) -> int:
    """Return how many lines are the end of some and the beginning of others."""
    for count in range(min(len(known), len(lines)), 0, -1):
        if known[-count] == lines[0] and known[-count:] == lines[:count]:
            return count
    return 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() and not path.is_symlink() else 0


def _block(path: Path, begin: int) -> bytes:
    if not _size(path):
        return b""
    with open_regular(str(path), follow_links=False) as file:
        file.seek(begin)
        return file.read(BLOCK)
