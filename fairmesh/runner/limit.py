"""Limit how long a program runs: by its runtime, and by the remaining time of the scheduler's job.

At its time limit a scheduler signals all processes and kills them shortly after. The runner ends the program earlier,
so that it can save its data, and records the state timeout.
"""

import time
from typing import Any, NamedTuple, Optional

from ..schedulers import current_job, detect

NOTICE = 60.0  # seconds between the request to end and the end of the job; a quarter of what is left, if that is less
FOR_THE_PROGRAM = 0.8  # share of the notice; the rest is for the runner


class Limit(NamedTuple):
    """The time at which a program is asked to end, and the reason.

    Parameters
    ----------
    deadline : float
        The time, by ``time.monotonic``.
    reason : str
        The reason.
    grace : float, optional
        How long the program may take to end.
    slack : float
        Seconds before the time in which a signal counts as the scheduler's, for the same reason.
    """

    deadline: float = float("inf")
    reason: str = ""
    grace: Optional[float] = None
    slack: float = 0.0

    def is_reached(self, signalled: bool) -> bool:
        """Return whether the limit is reached; with a signal, earlier by the slack."""
        return time.monotonic() > self.deadline - (self.slack if signalled else 0.0)


def of_program(minutes: Any) -> Limit:
    """Return the limit of a program that starts now, from its runtime in minutes and from its job."""
    job, left = current_job(), seconds_left()
    limit = Limit()
    if isinstance(minutes, (int, float)):
        reason = f"ran longer than its runtime of {minutes} minutes"
        # If the scheduler does not answer, its limit is the same, counted from a little earlier.
        slack = min(NOTICE, 60 * minutes / 4) if job and left is None else 0.0
        limit = Limit(time.monotonic() + 60 * minutes, reason, None, slack)
    return limit if left is None else min(limit, _of_job(job.id if job else "", left))


def seconds_left() -> Optional[float]:
    """Return the seconds until the limit of this process's job, None if there is none or it is not known."""
    scheduler = detect()
    return scheduler.time_left() if scheduler and scheduler.is_in_job() else None


def _of_job(job: str, left: float) -> Limit:
    notice = min(NOTICE, left / 4)
    reason = f"did not end in the time of job {job}, of which {notice:.0f} s were left"
    return Limit(time.monotonic() + left - notice, reason, notice * FOR_THE_PROGRAM)
