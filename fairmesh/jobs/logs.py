"""The log of an attempt, made harmless: what a program printed must not steer the terminal of who reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

BLOCK = 1 << 16  # bytes from the end that are searched for lines
_TERMINAL_CODES = re.compile(
    r"\x1b(?:\[[0-9;:<=>?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_].*?\x1b\\|[@-Z\\-_])"
)


def harmless(line: str) -> str:
    r"""Give a line as a terminal would show it in the end, without what would steer the terminal.

    >>> harmless("epoch 1\repoch 2 \x1b[31mred\x1b[0m!\r")
    'epoch 2 red!'
    """
    last = line.rstrip("\r\n").rsplit("\r", 1)[-1]
    plain = _TERMINAL_CODES.sub("", last).expandtabs(4)
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in plain)


def lines_of(data: bytes) -> list[str]:
    """Give the lines of a piece of a log; empty ones are left out."""
    shown = (harmless(line) for line in data.decode(errors="replace").split("\n"))
    return [line for line in shown if line.strip()]


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
        """Give the lines that have come, harmless; a last line without an end only if it is the last."""
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
    with path.open("rb") as file:
        file.seek(begin)
        return file.read(BLOCK)


def tail(path: Path, lines: int = 20) -> list[str]:
    """Give the last lines of a log, harmless; none if there is no such file, or it is a link."""
    try:
        return lines_of(_block(path, max(0, _size(path) - BLOCK)))[-lines:]
    except OSError:
        return []
