"""Read the log of an attempt: its last lines, or new lines as they are written, safe to print on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fairmesh.runner.safefiles import open_regular
from fairmesh.runner.text import lines_of

BLOCK = 1 << 16  # bytes from the end that are searched for lines


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


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() and not path.is_symlink() else 0


def _block(path: Path, begin: int) -> bytes:
    if not _size(path):
        return b""
    with open_regular(str(path), follow_links=False) as file:
        file.seek(begin)
        return file.read(BLOCK)
