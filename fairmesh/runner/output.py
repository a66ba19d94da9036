"""Read a program's log as it grows: progress for the status, MLPerf events for a file of their own."""

import contextlib
import os
import re
from typing import List, Optional

from . import mllog, protocol, text
from .safefiles import append, open_log
from .status import PROGRESS_MARKS, Status

BLOCK = 1 << 20  # bytes read at once, to limit the memory for the log
LONGEST = 1 << 20  # bytes of a line; longer lines are ignored
AT_ONCE = 1 << 28  # bytes read in one call while the program runs, so that calls are short
AT_THE_END = 1 << 32  # bytes read when the program has ended
_LINE_END = re.compile(rb"[\r\n]+")  # progress bars return to the beginning of their line
_MARKS = tuple(mark.encode() for mark in (mllog.MARK, *PROGRESS_MARKS))


class Output:
    """The growing log of one attempt."""

    def __init__(self, folder: str, status: Status) -> None:
        self.path = os.path.join(folder, protocol.LOG)
        self._mllog = os.path.join(folder, protocol.MLLOG)
        self._status = status
        self._log: Optional[int] = None
        self._offset = 0
        self._begun = b""  # the beginning of an unfinished line
        self._is_too_long = False

    @property
    def descriptor(self) -> int:
        """The open log, which stays readable if the program removes or replaces the file."""
        if self._log is None:
            self._log = open_log(self.path)
        return self._log

    def last_lines(self, lines: int) -> List[str]:
        """Return the last lines, printable and without empty ones; none if the log is missing or unreadable."""
        if self._log is None:
            return []
        try:
            begin = os.fstat(self.descriptor).st_size - text.LONGEST
            return text.lines_of(os.pread(self.descriptor, text.LONGEST, max(0, begin)))[-lines:]
        except OSError:
            return []

    def read_new(self, whole: bool = False) -> None:
        """Read the lines since the last call; ``whole`` includes a last line without an end."""
        size = os.fstat(self.descriptor).st_size
        if size < self._offset:  # the program emptied it
            self._offset, self._begun, self._is_too_long = 0, b"", False
        until = min(size, self._offset + (AT_THE_END if whole else AT_ONCE))
        while self._offset < until:
            block = os.pread(self.descriptor, min(BLOCK, until - self._offset), self._offset)
            if not block:
                break
            self._take(block)
            self._offset += len(block)
        if whole:
            self._take(b"\n")

    def read_rest(self) -> None:
        """Read the rest of an ended program's log; if the program removed the file, write it again."""
        self.read_new(whole=True)
        if not os.path.lexists(self.path):
            self._restore()

    def _restore(self) -> None:
        removed = self.descriptor
        try:
            for begin in range(0, os.fstat(removed).st_size, BLOCK):
                append(self.path, os.pread(removed, BLOCK, begin))
            self._log = open_log(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(self.path)
            raise
        os.close(removed)

    def _take(self, block: bytes) -> None:
        """Handle the marked lines of a block; the log counts as read once they are written."""
        *lines, begun = _LINE_END.split(block)
        if lines:
            lines[0] = b"" if self._is_too_long else self._begun + lines[0]
            self._handle([line for line in lines if any(mark in line for mark in _MARKS)])
            self._is_too_long, self._begun = False, begun
        else:
            self._begun += begun
        if self._is_too_long or len(self._begun) > LONGEST:
            self._is_too_long, self._begun = True, b""

    def _handle(self, lines: List[bytes]) -> None:
        texts = [line.decode("utf-8", "replace") for line in lines if len(line) <= LONGEST]
        events = "".join(map(mllog.of_program, texts))
        if events:
            append(self._mllog, events.encode())
        for line in texts:
            self._status.read_progress(line)
