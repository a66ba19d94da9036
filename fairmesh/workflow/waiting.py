"""Announce why a run waits: for the machine, for the scheduler's queue."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner.protocol import ENDS, QUEUED
from fairmesh.status import JobStatus, Reader
from fairmesh.workflow.announce import announce

PATIENCE = 5.0  # seconds without the end of an experiment, after which a reason is announced
LONGEST = 30.0  # seconds between two readings
AGAIN = 600.0  # seconds, after which the same reason is announced once more


class WaitWatcher:
    """Reads the status of a study while nothing ends, and announces why its jobs wait.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    """

    def __init__(self, paths: StudyPaths) -> None:
        self._reader = Reader(paths)
        self._ended = -1
        self._announced: dict[Reason, float] = {}

    def start(self) -> None:
        """Start watching in the background."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        pause = PATIENCE
        while True:
            time.sleep(pause)
            began = time.monotonic()
            for text in self.look():
                announce("waiting", text)
            pause = min(LONGEST, max(PATIENCE, 20 * (time.monotonic() - began)))  # of a large study, less often

    def look(self) -> list[str]:
        """Return the reasons to announce now."""
        try:
            jobs = self._reader.read().jobs
        except (FairmeshError, OSError):  # the results are unavailable, which others announce
            return []
        ended = sum(job.state in ENDS for job in jobs)
        is_moving, self._ended = ended != self._ended, ended
        now = time.monotonic()
        reasons = {} if is_moving else reasons_of(jobs)
        new = [reason for reason in reasons if now - self._announced.get(reason, float("-inf")) > AGAIN]
        self._announced.update(dict.fromkeys(new, now))
        return [f"{_count(reason.kind, reasons[reason])} waiting{reason.text}" for reason in new]


class Reason(NamedTuple):
    """Why jobs of one kind wait, as it follows the word ``waiting``."""

    kind: str
    text: str


def reasons_of(jobs: Iterable[JobStatus]) -> Counter[Reason]:
    """Return why jobs have been in a queue for some time, with the number of jobs."""
    queued = (job for job in jobs if job.state == QUEUED and job.seconds.get(QUEUED, 0) >= PATIENCE)
    texts = ((job.kind, _text(job)) for job in queued)
    return Counter(Reason(kind, text.removeprefix("waits")) for kind, text in texts if text.startswith("waits"))


def _text(job: JobStatus) -> str:
    """Return the reason without the number of the job, which differs from job to job."""
    text = job.message or job.reason
    return text.removeprefix(f"job {job.job_id} ") if job.job_id else text


def _count(kind: str, number: int) -> str:
    return f"{number} {kind}" if number == 1 else f"{number} {kind}s"
