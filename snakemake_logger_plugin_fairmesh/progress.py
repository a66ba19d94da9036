"""Count the experiments of a run: how many have ended, how many are under way, and how long the rest takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fairmesh.printing import format_duration

Name = tuple[str, str]
"""Machine and id of an experiment."""


@dataclass
class Progress:
    """The progress of a run.

    Parameters
    ----------
    total : int
        The number of selected experiments.
    before : int
        How many of them had a result before the run.
    are_submitted : bool
        Whether a scheduler runs them: it is not known here how many of them are running.
    """

    total: int = 0
    before: int = 0
    are_submitted: bool = False
    _open: dict[Name, Callable[[], bool]] = field(default_factory=dict)
    _done: set[Name] = field(default_factory=set)
    _failed: set[Name] = field(default_factory=set)
    _began: float = float("inf")

    def begin(self, name: Name, is_waiting: Callable[[], bool] = lambda: False) -> None:
        """Count an experiment that is started or submitted, perhaps once more.

        Parameters
        ----------
        name : tuple of str
            The experiment.
        is_waiting : callable
            Returns whether it waits for its machine.
        """
        self._open[name] = is_waiting
        self._failed.discard(name)

    def finish(self, name: Name, seconds: float = 0.0, *, is_done: bool) -> None:
        """Count the end of an experiment that ran for some seconds; time in queues does not count."""
        self._began = min(self._began, time.monotonic() - seconds)
        self._open.pop(name, None)
        (self._done if is_done else self._failed).add(name)

    @property
    def ended(self) -> int:
        """The number of experiments that have ended, with or without a result."""
        return self.before + len(self._done) + len(self._failed)

    @property
    def label(self) -> str:
        """The number of ended experiments and of all: ``[ 5/27]``."""
        total = max(self.total, self.ended)
        return f"[{self.ended:{len(str(total))}}/{total}]"

    @property
    def rest(self) -> str:
        """How many experiments are under way, and how long the rest takes, estimated from the speed so far."""
        parts = [*self._under_way()]
        ended, left = len(self._done) + len(self._failed), self.total - self.ended
        if ended and left > 0:
            seconds = (time.monotonic() - self._began) * left / ended
            parts.append(f"about {format_duration(max(1, seconds))} left")
        return ", ".join(parts)

    def _under_way(self) -> Iterator[str]:
        """Yield how many experiments run, and how many wait for their machine."""
        waiting = 0 if self.are_submitted else sum(is_waiting() for is_waiting in [*self._open.values()])
        running = len(self._open) - waiting
        if running:
            yield f"{running} {'submitted' if self.are_submitted else 'running'}"
        if waiting:
            yield f"{waiting} waiting"
