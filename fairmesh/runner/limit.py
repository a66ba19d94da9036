"""Limit how long a program runs: by its own runtime, and by the time left to its job of a scheduler.

At its time limit a scheduler signals all processes at once and kills what it finds a moment later. The runner is
earlier, so that the program can save what it has, and the state says timeout.
"""

import time
from typing import Any, NamedTuple, Optional

from ..schedulers import current_job, detect

NOTICE = 60.0  # seconds between the request to end and the end of the job; a quarter of what is left, if that is less
FOR_THE_PROGRAM = 0.8  # of them; the rest is the runner's


class Limit(NamedTuple):
    """When a program is asked to end, by this process's own clock, and why.

    Parameters
    ----------
    at : float
        The moment.
    reason : str
        Why.
    grace : float, optional
        How long the program may take to end.
    slack : float
        How long before the moment a signal is the scheduler's, for the same reason.
    """

    at: float = float("inf")
    reason: str = ""
    grace: Optional[float] = None
    slack: float = 0.0

    def is_reached(self, signalled: bool) -> bool:
        """Return whether the time is up, or it is what a signal says."""
        return time.monotonic() > self.at - (self.slack if signalled else 0.0)


def of_program(minutes: Any) -> Limit:
    """Return the limit of a program that starts now, with so many minutes of its own."""
    job, left = current_job(), seconds_left()
    limit = Limit()
    if isinstance(minutes, (int, float)):
        reason = f"ran longer than its runtime of {minutes} minutes"
        # Where the scheduler cannot be asked, its limit is the same, and counts from a little earlier.
        slack = min(NOTICE, 60 * minutes / 4) if job and left is None else 0.0
        limit = Limit(time.monotonic() + 60 * minutes, reason, None, slack)
    return limit if left is None else min(limit, _of_job(job.id if job else "", left))


def seconds_left() -> Optional[float]:
    """Return the time until the limit of this process's job, None if it has none or nobody can tell."""
    scheduler = detect()
    return scheduler.time_left() if scheduler and scheduler.is_in_job() else None


def _of_job(job: str, left: float) -> Limit:
    notice = min(NOTICE, left / 4)
    reason = f"did not end in the time of job {job}, of which {notice:.0f} s were left"
    return Limit(time.monotonic() + left - notice, reason, notice * FOR_THE_PROGRAM)
