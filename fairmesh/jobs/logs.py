"""The log of an attempt: its last lines, or new lines as it grows, printable on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fairmesh.runner.safefiles import open_regular
from fairmesh.runner.text import lines_of

BLOCK = 1 << 16  # bytes from the end that are searched for lines


class Growing:
    """A log that is read as it grows, a block at a time.

    Parameters
    ----------
    path : Path
        The log; another one in its place is read from its beginning.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: tuple[Path, int] = (path, 0)

    def skip_to(self, lines: int) -> None:
        """Leave out all but the last lines."""
        data = _block(self.path, max(0, _size(self.path) - BLOCK))
        kept = b"".join(data.splitlines(keepends=True)[-lines:])
        self._read = (self.path, _size(self.path) - len(kept))

    def read(self, last: bool = False) -> Iterator[str]:
        """Return the lines that have come, printable; a last line without an end only if it is the last."""
        if self._read[0] != self.path:
            self._read = (self.path, 0)
        while True:
            data = _block(self.path, self._read[1])
            end = len(data) if last else data.rfind(b"\n") + 1 or (len(data) if len(data) == BLOCK else 0)
            if not end:
                return
            self._read = (self.path, self._read[1] + end)
            yield from lines_of(data[:end])


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() and not path.is_symlink() else 0


def _block(path: Path, begin: int) -> bytes:
    if not _size(path):
        return b""
    with open_regular(str(path), follow_links=False) as file:
        file.seek(begin)
        return file.read(BLOCK)
