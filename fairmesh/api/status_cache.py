"""A cache of the status of studies, for requests of the REST service and the monitor."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TypeVar

from fairmesh.api.listing import sort_jobs
from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.status import JobSelection, JobStatus, Reader, StudyStatus, remote

MAX_AGE = 1.0  # seconds for which a snapshot is fresh; longer if reading takes longer
MAX_ANSWERS = 64  # answers kept with a snapshot
UPDATE_PERIOD = 30.0  # seconds between two questions to machines, while somebody looks at a study

Answer = TypeVar("Answer")


class Snapshot:
    """The status of a study at one moment, with answers that were computed from it.

    Parameters
    ----------
    status : StudyStatus
        The status.
    taken : float
        When reading began, by ``time.monotonic``.
    change : int
        How often the study had been changed by then: see ``StatusCache.forget``.
    """

    def __init__(self, status: StudyStatus, taken: float, change: int = 0) -> None:
        self.status = status
        self.taken, self.seconds, self.change = taken, time.monotonic() - taken, change
        self.by_key: Mapping[str, JobStatus] = {job.key: job for job in status.jobs}
        self.summary = status.summary()
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()
        self._lock = threading.RLock()

    def has_answer(self, question: Hashable) -> bool:
        """Return whether the answer to a question is kept."""
        return question in self._answers

    def answer(self, question: Hashable, compute: Callable[[], Answer]) -> Answer:
        """Return the answer to a question, computed once."""
        with self._lock:
            if question not in self._answers:
                self._answers[question] = compute()
                if len(self._answers) > MAX_ANSWERS:
                    self._answers.popitem(last=False)
            kept: Answer = self._answers[question]
            return kept


class RemoteUpdates:
    """Updates what is known of jobs on other machines in the background, at most every ``UPDATE_PERIOD`` seconds.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    period : float
        Seconds from the end of one update to the next.
    """

    def __init__(self, paths: StudyPaths, period: float = UPDATE_PERIOD) -> None:
        self._paths, self._period = paths, period
        self._next = 0.0
        self._lock = threading.Lock()

    def begin(self, status: StudyStatus) -> None:
        """Begin an update without waiting for it, if it is time for one and no run makes it."""
        has_run = status.run is not None and status.run.is_alive
        if not status.machines or has_run or time.monotonic() < self._next or not self._lock.acquire(blocking=False):
            return
        threading.Thread(target=self._update, name=f"update {self._paths.study}", daemon=True).start()

    def _update(self) -> None:
        try:
            remote.update(self._paths)
        except (FairmeshError, OSError):
            pass  # what a machine did not answer is in its state; the next update is soon
        finally:
            self._next = time.monotonic() + self._period
            self._lock.release()


class StatusCache:
    """The latest snapshot of one study, for all threads.

    Machines are asked in the background while snapshots are read and no run is in contact with them.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    max_age : float
        Seconds for which a snapshot is fresh.
    """

    def __init__(self, paths: StudyPaths, max_age: float = MAX_AGE) -> None:
        self.paths = paths
        self.latest: Snapshot | None = None
        self._max_age, self._changes = max_age, 0
        self._reader = Reader(paths)
        self._updates = RemoteUpdates(paths)
        self._lock = threading.Lock()

    @property
    def age(self) -> float:
        """Seconds since the latest snapshot; infinite if the study was changed since, or there is none."""
        if self.latest is None or self.latest.change != self._changes:
            return float("inf")
        return time.monotonic() - self.latest.taken

    @property
    def is_fresh(self) -> bool:
        """Whether the latest snapshot need not be read again."""
        return self.latest is not None and self.age < max(self._max_age, self.latest.seconds)

    @property
    def changes(self) -> int:
        """How often ``forget`` was called."""
        return self._changes

    def snapshot(self) -> Snapshot:
        """Return a fresh snapshot, read now if necessary.

        Raises
        ------
        FairmeshError
            If the study has no readable plan.
        """
        with self._lock:
            if self.latest is None or not self.is_fresh:
                taken, change = time.monotonic(), self._changes
                self.latest = Snapshot(self._reader.read(), taken, change)
                self._updates.begin(self.latest.status)
            return self.latest

    def status(self) -> StudyStatus:
        """Return the status of the study, at most ``max_age`` old."""
        return self.snapshot().status

    def jobs(self, selection: JobSelection, sort: str) -> list[JobStatus]:
        """Return selected experiments in order, like ``sort_jobs``."""
        snapshot = self.snapshot()
        return snapshot.answer((selection, sort), lambda: sort_jobs(snapshot.status, selection, sort))

    def forget(self) -> None:
        """Mark the latest snapshot as outdated, since the study was changed."""
        self._changes += 1
