"""File systems of clusters go away and come back: what has to be written then waits, for a while."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

PATIENCE = 600.0  # seconds


class Outage:
    """Whether folders can be written, and for how long they could not.

    Parameters
    ----------
    folders : sequence of str
        Those that must be there and writable.
    warn : callable
        Is called with a line when they are not.

    Attributes
    ----------
    seen : float
        When they could not be written for the last time, by the monotonic clock.
    """

    def __init__(self, folders: Sequence[str], warn: Callable[[str], object]) -> None:
        self._folders, self._warn = folders, warn
        self._since: float | None = None
        self.seen = float("-inf")

    def is_over(self) -> bool:
        """Whether all of them can be written, or the patience has come to its end."""
        broken = [folder for folder in self._folders if not os.access(_nearest(folder), os.W_OK)]
        if not broken:
            self._since = None
            return True
        self.seen = time.monotonic()
        if self._since is None:
            self._since = self.seen
            self._warn(f"{broken[0]} cannot be written now; this is waited for, {PATIENCE:.0f} s at most")
        return self.seen - self._since > PATIENCE


def _nearest(folder: str) -> str:
    """Return the folder, or of one that was removed what it was in: nobody waits for what does not come back."""
    while folder and not os.path.lexists(folder):
        folder = os.path.dirname(folder)  # noqa: PTH120  the executor imports little
    return folder or "."
