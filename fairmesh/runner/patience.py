"""Waiting for a folder that cannot be written: file systems of clusters go away and come back, and disks fill up."""

import os
import time
from typing import Callable, Optional, TypeVar

from . import program
from .regular import NotRegularError

SECONDS = 600.0
PAUSE = 1.0  # seconds between two tries

Result = TypeVar("Result")


class Patience:
    """How long an attempt waits for its folder.

    Parameters
    ----------
    seconds : float
        How long the folder may be away.
    signals : Signals
        One that asks for the end leaves ten seconds more, for the process is killed soon after it.
    """

    def __init__(self, seconds: float, signals: "program.Signals") -> None:
        self._seconds, self._signals = seconds, signals
        self._since: Optional[float] = None
        self._asked: Optional[float] = None
        self._problem = ""
        self._folder: Optional[int] = None

    def hold(self, folder: str) -> None:
        """Keep the folder open: only who holds it can see whether it was removed or is away."""
        if self._folder is None:
            self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    @property
    def is_tried(self) -> bool:
        """Whether something could not be written, and nothing since."""
        return self._since is not None

    def try_to(self, action: Callable[[], object]) -> bool:
        """Whether something could be done now; what writes nothing proves nothing.

        Raises
        ------
        NotRegularError
            If the program put something else in the place of a file: that does not pass.
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
        """Whether something could be written now, so that the folder is there."""
        is_there = self.try_to(write)
        if is_there:
            self._since = None
        return is_there

    def persist(self, action: Callable[[], Result], write: Callable[[], object]) -> Result:
        """Return what an action returns; it is repeated while the folder is away, which a write into it shows.

        Raises
        ------
        OSError
            Why the action failed although the folder is there, or the patience is over.
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
        """Why there is no more waiting; an empty text while there is patience, or nothing to wait for."""
        if self._since is None:
            return ""
        if self._is_removed():
            return "its folder was removed"
        waited = time.monotonic() - self._since
        if waited <= self._seconds and not self._is_pressed():
            return ""
        return f"its folder could not be written for {waited:.0f} s: {self._problem}"

    def _is_removed(self) -> bool:
        try:
            return self._folder is not None and not os.fstat(self._folder).st_nlink
        except OSError:
            return False

    def _is_pressed(self) -> bool:
        """Whether a signal asked for the end some time ago."""
        if self._signals.first_end():
            self._asked = self._asked or time.monotonic()
        return self._asked is not None and time.monotonic() - self._asked > program.GRACE
