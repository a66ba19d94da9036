"""Append lines to a file; lines that cannot be written now are kept and written later."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable

KEPT = 100_000  # the most lines that are kept; older ones are dropped
PAUSE = 5.0  # seconds between attempts to write


class LineWriter:
    """Appends whole lines to a file in single writes, so that lines of several writers do not mix.

    Parameters
    ----------
    is_locked : threading.RLock
        The lock that callers of ``add`` hold.
    warn : callable
        Called with the reason why lines cannot be written.
    """

    def __init__(self, is_locked: threading.RLock, warn: Callable[[str], None]) -> None:
        self._lock, self._warn = is_locked, warn
        self._lines: deque[bytes] = deque(maxlen=KEPT)
        self._descriptor: int | None = None
        self._is_torn = False
        self._retry: threading.Timer | None = None
        self.path = ""

    def add(self, line: bytes) -> None:
        """Add a line to write."""
        self._lines.append(line)

    def write(self) -> None:
        """Write the pending lines, if the path is set and the file is writable."""
        if not self.path or not self._lines:
            return
        try:
            self._append()
        except OSError as error:
            self._close()  # the descriptor may be invalid after an outage of the file system
            self._warn(f"{self.path}: {error.strerror}; it is tried again every {PAUSE:.0f} s")
            self._try_later()

    def close(self) -> None:
        """Write the pending lines and close the file."""
        if self._retry:
            self._retry.cancel()
            self._retry = None
        if self.path and self._lines:
            try:
                self._append()
            except OSError as error:
                self._warn(f"{self.path}: {error.strerror}; {len(self._lines)} events of this run are lost")
        self._close()

    def _append(self) -> None:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        while self._lines:
            data = (b"\n" if self._is_torn else b"") + b"".join(self._lines)
            rest = os.write(self._descriptor, data) - self._is_torn  # partial if the disk is full
            while self._lines and rest >= len(self._lines[0]):
                rest -= len(self._lines.popleft())
            self._is_torn = rest > 0

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _try_later(self) -> None:
        if self._retry is None:
            self._retry = threading.Timer(PAUSE, self._write_again)
            self._retry.daemon = True
            self._retry.start()

    def _write_again(self) -> None:
        with self._lock:
            self._retry = None
            self.write()
