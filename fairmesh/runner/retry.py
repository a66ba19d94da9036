"""Retry while a folder cannot be written: cluster file systems can be unavailable for a while, and disks fill up."""

import os
import time
from typing import Callable, Optional, TypeVar

from . import program
from .safefiles import NotRegularError

SECONDS = 600.0
PAUSE = 1.0  # seconds between two tries

Result = TypeVar("Result")


class Retry:
    """Repeats failed writes for a limited time.

    Parameters
    ----------
    seconds : float
        How long the folder may be unavailable.
    signals : Signals
        A request to end shortens the time to ten seconds, because the process is killed soon after.
    """

    def __init__(self, seconds: float, signals: "program.Signals") -> None:
        self._seconds, self._signals = seconds, signals
        self._since: Optional[float] = None
        self._asked: Optional[float] = None
        self._problem = ""
        self._folder: Optional[int] = None

    def keep_open(self, folder: str) -> None:
        """Keep the folder open, to distinguish its removal from an unavailable file system."""
        if self._folder is None:
            self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    @property
    def is_failing(self) -> bool:
        """Whether the last write failed."""
        return self._since is not None

    def try_to(self, action: Callable[[], object]) -> bool:
        """Return whether an action succeeded; success does not prove that the folder can be written.

        Raises
        ------
        NotRegularError
            If the file is not a regular file, which retries cannot change.
        """
        try:
            action()
        except NotRegularError:
            raise
        except OSError as error:
            self._problem = error.strerror or str(error)
            self._since = self._since or time.monotonic()
            return False
        return True

    def try_write(self, write: Callable[[], object]) -> bool:
        """Return whether a write succeeded, so that the folder is available again."""
        is_there = self.try_to(write)
        if is_there:
            self._since = None
        return is_there

    def persist(self, action: Callable[[], Result], write: Callable[[], object]) -> Result:
        """Return the result of an action, repeated while a write shows that the folder is unavailable.

        Raises
        ------
        OSError
            If the action failed although the folder is available, or the time is over.
        """
        failures = 0
        while True:
            try:
                return action()
            except NotRegularError:
                raise
            except OSError:
                failures += 1
                is_there = self.try_write(write)
                if (is_there and failures > 1) or self.reason:
                    raise
            if not is_there:
                self._signals.wait(PAUSE)

    @property
    def reason(self) -> str:
        """Why retries have ended; empty while they continue or are not needed."""
        if self._since is None:
            return ""
        if self._is_removed():
            return "its folder was removed"
        waited = time.monotonic() - self._since
        if waited <= self._seconds and not self._must_end():
            return ""
        return f"its folder could not be written for {_duration(waited)} (patience): {self._problem}"

    def _is_removed(self) -> bool:
        try:
            return self._folder is not None and not os.fstat(self._folder).st_nlink
        except OSError:
            return False

    def _must_end(self) -> bool:
        """Return whether a signal requested the end more than the grace period ago."""
        if self._signals.first_end():
            self._asked = self._asked or time.monotonic()
        return self._asked is not None and time.monotonic() - self._asked > program.GRACE


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
