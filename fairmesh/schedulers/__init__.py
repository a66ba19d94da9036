"""One interface to the schedulers of clusters: Slurm, and whatever else has a module here.

Standard library for Python 3.6 and nothing else of fairmesh: the package travels with the runner in ``runner.pyz``.
Begin with ``base.Scheduler``, what a scheduler must do; ``slurm`` is an example, ``registry`` finds them.
"""

from .base import CurrentJob, JobInfo, JobState, Note, QueueLimit, Scheduler, Site
from .registry import available, detect, find_scheduler, names
from .transport import LocalTransport, Output, SchedulerError

__all__ = [
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
    "detect",
    "find_scheduler",
    "names",
]
