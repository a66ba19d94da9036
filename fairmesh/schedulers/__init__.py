"""One interface to the schedulers of clusters: Slurm, and whatever else has a module here.

Standard library for Python 3.6 and nothing else of fairmesh: the package travels with the runner in ``runner.pyz``.
Begin with ``base.Scheduler``, what a scheduler must do; ``slurm`` is an example, ``registry`` finds them.
"""

from .base import BAD_ENDS, CurrentJob, JobInfo, JobState, Note, QueueLimit, Scheduler, Site
from .registry import (
    available,
    choose_scheduler,
    current_job,
    detect,
    find_scheduler,
    job_scheduler,
    names,
    state_of_word,
)
from .transport import LocalTransport, Output, SchedulerError

__all__ = [
    "BAD_ENDS",
    "CurrentJob",
    "JobInfo",
    "JobState",
    "LocalTransport",
    "Note",
    "Output",
    "QueueLimit",
    "Scheduler",
    "SchedulerError",
    "Site",
    "available",
    "choose_scheduler",
    "current_job",
    "detect",
    "find_scheduler",
    "job_scheduler",
    "names",
    "state_of_word",
]
