"""Detect outages of folders: cluster file systems can be unavailable for a while."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

PATIENCE = 600.0  # seconds


class Outage:
    """Check whether folders are writable, and for how long they have not been.

    Parameters
    ----------
    folders : sequence of str
        The folders that must exist and be writable.
    warn : callable
        Called with a message when they are not.

    Attributes
    ----------
    seen : float
        The last time that they were not writable, by the monotonic clock.
    """

    def __init__(self, folders: Sequence[str], warn: Callable[[str], object]) -> None:
        self._folders, self._warn = folders, warn
        self._since: float | None = None
        self.seen = float("-inf")

    def is_over(self) -> bool:
        """Return whether all folders are writable, or the time limit has passed."""
        broken = [folder for folder in self._folders if not os.access(_nearest(folder), os.W_OK)]
        if not broken:
            self._since = None
            return True
        self.seen = time.monotonic()
        if self._since is None:
            self._since = self.seen
            self._warn(f"{broken[0]} cannot be written now; retrying for up to {PATIENCE / 60:.0f} minutes")
        return self.seen - self._since > PATIENCE


def _nearest(folder: str) -> str:
    """Return the folder, or the nearest parent of one that was removed."""
    while folder and not os.path.lexists(folder):
        folder = os.path.dirname(folder)  # noqa: PTH120  the executor imports little
    return folder or "."
