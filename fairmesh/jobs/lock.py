"""One run of a study at a time: a lock that the system itself gives back when its holder dies, however it dies."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from typing import Any

from fairmesh.files import PLAIN
from fairmesh.runner import jsonfiles, owner


class RunLock:
    """The lock of one study's results.

    Parameters
    ----------
    path : Path
        The lock file; it holds who has it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def try_take(self, patience: float = 0.0) -> bool:
        """Take the lock for the life of this process, trying again for some seconds; True if this process has it."""
        if self._descriptor is not None:
            return True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, PLAIN)
        deadline = time.monotonic() + patience
        while not _lock(descriptor):
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return False
            time.sleep(0.1)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(owner.me() | {"since": jsonfiles.now()}).encode(), 0)
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give the lock back before this process ends."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> dict[str, Any]:
        """Give who has the lock, or had it last."""
        return jsonfiles.read_map(str(self.path)) or {}


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
