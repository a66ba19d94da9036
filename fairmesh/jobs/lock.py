"""A lock for one process at a time; the operating system releases it when the holder ends, even after a crash.

Where the file system has no file locks, the lock is a claim, like those of experiments: it is valid until its owner is
known to have ended.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fairmesh.files import PLAIN
from fairmesh.runner import jsonfiles, owner
from fairmesh.runner.claims import Claims
from fairmesh.runner.safefiles import NoLocksError, try_lock


class RunLock:
    """A lock that one process at a time can hold, such as the lock of a study's results.

    Parameters
    ----------
    path : Path
        The lock file; its content describes the holder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._claims = Claims(f"{path}.owners")
        self._claim = 0
        self._descriptor: int | None = None

    def try_take(self, patience: float = 0.0) -> bool:
        """Take the lock until this process ends, retrying for some seconds; return whether this process holds it."""
        if self._descriptor is not None:
            return True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, PLAIN)
        try:
            deadline = time.monotonic() + patience
            while not self._try(descriptor):
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.1)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(owner.current_process() | {"since": jsonfiles.now()}).encode(), 0)
            self._descriptor = descriptor
        finally:
            if self._descriptor is None:
                os.close(descriptor)
        return True

    def _try(self, descriptor: int) -> bool:
        try:
            return try_lock(descriptor, str(self.path))
        except NoLocksError:
            number = self._claims.highest()
            if not self._claims.is_free(number) or not self._claims.take(number + 1):
                return False
            self._claim = number + 1
            return True

    def release(self) -> None:
        """Release the lock before this process ends."""
        if self._claim:
            self._claims.release(self._claim)
            self._claim = 0
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the lock inside a with block; wait for it if necessary."""
        self.try_take(float("inf"))
        try:
            yield
        finally:
            self.release()

    def holder(self) -> dict[str, Any]:
        """Return the process that holds the lock, or held it last."""
        return jsonfiles.read_map(str(self.path)) or {}

    def is_held(self) -> bool:
        """Return whether a process holds the lock now; nothing is written."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            return not try_lock(descriptor, str(self.path), exclusive=False)
        except NoLocksError:
            return bool(self._claims.active())
        finally:
            os.close(descriptor)
