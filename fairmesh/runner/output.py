"""What a program writes to its log, read as it grows: progress for the status, MLPerf lines for a file of their own."""

import os

from . import mllog, protocol
from .status import Status

BLOCK = 1 << 20  # bytes read at once, so that a chatty program costs its watcher little memory


class Output:
    """The growing log of one attempt."""

    def __init__(self, folder: str, status: Status) -> None:
        self.path = os.path.join(folder, protocol.LOG)
        self._mllog = os.path.join(folder, protocol.MLLOG)
        self._status = status
        self._offset = 0

    def read_new(self, whole: bool = False) -> None:
        """Read the lines that have come since the last call; ``whole`` also takes a last line without an end."""
        while True:
            with open(self.path, "rb") as file:
                file.seek(self._offset)
                block = file.read(BLOCK)
            end = len(block) if whole or len(block) == BLOCK else block.rfind(b"\n") + 1
            if not end:
                return
            self._offset += end
            self._take(block[:end].decode("utf-8", "replace"))

    def _take(self, text: str) -> None:
        self._status.read_progress(text)
        if mllog.MARK in text:
            lines = [line.rstrip("\r\n") + "\n" for line in text.split("\n") if mllog.is_the_programs(line)]
            with open(self._mllog, "a", encoding="utf-8") as file:
                file.writelines(lines)
