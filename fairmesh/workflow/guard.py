"""Jobs that wait in Slurm's queue for what can never come are ended, with its reason; executors would wait for ever."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Mapping

from fairmesh.jobs import submission
from fairmesh.printing import print_lines
from fairmesh.runner import scheduler

LOOK = 10.0  # seconds; a reason counts when two looks in a row find it
_NEVER = re.compile(
    r"""
    BadConstraints | PartitionNodeLimit | PartitionTimeLimit | DependencyNeverSatisfied | JobHoldMaxRequeue
    | (launch_failed|job_requeued_in_held).* | launch\ failed\ requeued\ held
    | (Invalid|Unknown)(Account|QOS) | (Account|QOS)NotAllowed | ReservationDeleted
    | (Assoc|QOS)Max\w*(PerJob|PerNode|MinutesPerJob)\w* | (Assoc|QOS)MaxWall\w*
    """,
    re.VERBOSE,
)


def can_never_start(job: scheduler.Job) -> bool:
    """Return whether a job's reason for waiting does not go away by itself."""
    return job.state == "PENDING" and _NEVER.fullmatch(job.reason.strip("()")) is not None


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
                print_lines(
                    f"Slurm's job {job_id} can never start: {reason}; it is cancelled", file=sys.stderr, flush=True
                )
                submission.cancel([job_id])

    def look(self, queue: Mapping[str, scheduler.Job]) -> dict[str, str]:
        """Return the jobs to cancel: number, and why."""
        found = {number: job.reason for number, job in queue.items() if can_never_start(job)}
        certain = {number: reason for number, reason in found.items() if self._suspects.get(number) == reason}
        self._suspects = found
        return certain
