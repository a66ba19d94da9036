"""What a program writes to its log, read as it grows: progress for the status, MLPerf lines for a file of their own."""

import os
from typing import List, Optional

from . import mllog, protocol, text
from .regular import append, open_log
from .status import Status

BLOCK = 1 << 20  # bytes read at once, so that a chatty program costs its watcher little memory


class Output:
    """The growing log of one attempt."""

    def __init__(self, folder: str, status: Status) -> None:
        self.path = os.path.join(folder, protocol.LOG)
        self._mllog = os.path.join(folder, protocol.MLLOG)
        self._status = status
        self._log: Optional[int] = None
        self._offset = 0

    @property
    def descriptor(self) -> int:
        """The open log, which is there also when the program removes or replaces the file."""
        if self._log is None:
            self._log = open_log(self.path)
        return self._log

    def last_lines(self, lines: int) -> List[str]:
        """Return the last lines, printable and without empty ones; none if there is no log, or it cannot be read."""
        if self._log is None:
            return []
        try:
            begin = os.fstat(self.descriptor).st_size - text.LONGEST
            return text.lines_of(os.pread(self.descriptor, text.LONGEST, max(0, begin)))[-lines:]
        except OSError:
            return []

    def read_new(self, whole: bool = False) -> None:
        """Read the lines that have come since the last call; ``whole`` also takes a last line without an end."""
        if os.fstat(self.descriptor).st_size < self._offset:  # the program emptied it
            self._offset = 0
        while True:
            block = os.pread(self.descriptor, BLOCK, self._offset)
            end = len(block) if whole or len(block) == BLOCK else block.rfind(b"\n") + 1
            if not end:
                return
            self._take(block[:end].decode("utf-8", "replace"))
            self._offset += end

    def read_rest(self) -> None:
        """Read all that is left of an ended program's log; where it removed the file, write it anew."""
        self.read_new(whole=True)
        if not os.path.lexists(self.path):
            self._restore()

    def _restore(self) -> None:
        removed, self._log = self.descriptor, None
        try:
            for begin in range(0, os.fstat(removed).st_size, BLOCK):
                append(self.path, os.pread(removed, BLOCK, begin))
        except OSError:
            self._log = removed
            raise
        os.close(removed)

    def _take(self, block: str) -> None:
        self._status.read_progress(block)
        if mllog.MARK in block:
            lines = [line.rstrip("\r\n") + "\n" for line in block.split("\n") if mllog.is_the_programs(line)]
            append(self._mllog, "".join(lines).encode())
