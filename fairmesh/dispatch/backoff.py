"""How long to wait before a failed call is tried again, and what a machine is called meanwhile."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from fairmesh.machines.transport import RefusedError, UnreachableError

FIRST, LONGEST = 2.0, 300.0  # seconds between two tries
CONNECTED, UNREACHABLE, PAUSED, REFUSED = "connected", "unreachable", "paused", "refused"
FEW = 3  # failures of a machine that answers, after which it counts as paused
_SPREAD = 0.2  # of a pause, at random, so that clients do not return all at once


def pause_after(failures: int) -> float:
    """Return the seconds until something that has failed so often is tried again."""
    return float(min(LONGEST, FIRST * 2 ** min(failures - 1, 16)))


@dataclass
class Health:
    """Whether a computer answers, and when it is tried again.

    Parameters
    ----------
    patience : float
        Seconds without an answer after which it counts as paused.
    clock : callable
        Returns the time in seconds, by a clock that only goes forward.
    """

    patience: float
    clock: Callable[[], float] = time.monotonic
    state: str = CONNECTED
    reason: str = ""
    next_try: float = 0.0
    _failures: int = 0
    _failing_since: float = 0.0

    def succeed(self) -> None:
        """Note an answer."""
        self.state, self.reason, self.next_try, self._failures = CONNECTED, "", 0.0, 0

    def fail(self, error: Exception) -> None:
        """Note a failed call, and set when it is tried again."""
        now = self.clock()
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        self.reason = str(error)
        self.state = self._state_after(error, now)
        pause = LONGEST if self.state == REFUSED else pause_after(self._failures)
        self.next_try = now + pause * random.uniform(1 - _SPREAD, 1)  # noqa: S311

    def _state_after(self, error: Exception, now: float) -> str:
        if isinstance(error, RefusedError):
            return REFUSED
        if isinstance(error, UnreachableError):
            return UNREACHABLE if now - self._failing_since < self.patience else PAUSED
        return UNREACHABLE if self._failures < FEW else PAUSED

    @property
    def is_due(self) -> bool:
        """Whether it may be called now."""
        return self.clock() >= self.next_try
