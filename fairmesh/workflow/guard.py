"""Jobs that wait in the queue for what can never come are ended, with its reason; executors would wait for ever."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Mapping

from fairmesh.printing import print_lines
from fairmesh.runner import scheduler
from fairmesh.schedulers import JobInfo

LOOK = 10.0  # seconds; a reason counts when two looks in a row find it


class Guard:
    """A look at the queue now and then, for as long as this process lives.

    Parameters
    ----------
    name : str
        That of the run's jobs.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._suspects: dict[str, str] = {}

    def start(self) -> None:
        """Begin to look."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            time.sleep(LOOK)
            for job_id, reason in self.look(scheduler.jobs(name=self._name) or {}).items():
                text = f"job {job_id} of the scheduler can never start: {reason}; it is cancelled"
                print_lines(text, file=sys.stderr, flush=True)
                scheduler.cancel([job_id])

    def look(self, queue: Mapping[str, JobInfo]) -> dict[str, str]:
        """Return the jobs to cancel: number, and why."""
        found = {number: job.reason for number, job in queue.items() if job.is_hopeless}
        certain = {number: reason for number, reason in found.items() if self._suspects.get(number) == reason}
        self._suspects = found
        return certain
