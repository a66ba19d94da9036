"""What a program writes to its log, read as it grows: progress for the status, MLPerf lines for a file of their own."""

import errno
import os
import re
from typing import List

from . import mllog, protocol
from .regular import open_regular, open_to_append
from .status import PROGRESS_MARKS, Status

BLOCK = 1 << 20  # bytes read at once, so that a chatty program costs its watcher little memory
LONGEST = 1 << 20  # bytes of a line; what is longer is no event, and is left out
AT_ONCE = 1 << 28  # bytes read in one look at a running program, so that its watcher does not stay away for long
AT_THE_END = 1 << 32  # bytes read when the program has ended
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL)  # the program has removed or replaced its log
_LINE_END = re.compile(rb"[\r\n]+")  # a bar of progress returns to the beginning of its line
_MARKS = tuple(mark.encode() for mark in (mllog.MARK, *PROGRESS_MARKS))


class Output:
    """The growing log of one attempt."""

    def __init__(self, folder: str, status: Status) -> None:
        self.path = os.path.join(folder, protocol.LOG)
        self._mllog = os.path.join(folder, protocol.MLLOG)
        self._status = status
        self._offset = 0
        self._begun = b""  # of a line whose end has not come yet
        self._is_too_long = False

    def read_new(self, whole: bool = False) -> None:
        """Read the lines that have come since the last call; ``whole`` also takes a last line without an end."""
        try:
            file = open_regular(self.path, follow_links=False)
        except OSError as error:
            if error.errno in _GONE:
                return
            raise
        with file:
            file.seek(self._offset)
            until = min(os.fstat(file.fileno()).st_size, self._offset + (AT_THE_END if whole else AT_ONCE))
            for block in iter(lambda: file.read(max(0, min(BLOCK, until - self._offset))), b""):
                self._take(block)
        if whole:
            self._take(b"\n")

    def _take(self, block: bytes) -> None:
        """Take a block of the log: its lines that speak to fairmesh; the log counts as read once they are written."""
        *lines, begun = _LINE_END.split(block)
        if lines:
            lines[0] = b"" if self._is_too_long else self._begun + lines[0]
            self._handle([line for line in lines if any(mark in line for mark in _MARKS)])
            self._is_too_long, self._begun = False, begun
        else:
            self._begun += begun
        if self._is_too_long or len(self._begun) > LONGEST:
            self._is_too_long, self._begun = True, b""
        self._offset += len(block)

    def _handle(self, lines: List[bytes]) -> None:
        texts = [line.decode("utf-8", "replace") for line in lines if len(line) <= LONGEST]
        events = "".join(map(mllog.of_program, texts))
        if events:
            with open_to_append(self._mllog) as file:
                file.write(events.encode())
        for text in texts:
            self._status.read_progress(text)
