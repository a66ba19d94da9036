"""One interface to the schedulers of clusters: LSF, SGE and Slurm.

Standard library of Python 3.6 only, since the package is copied to machines with the runner, as ``runner.pyz``.
Begin with ``base.Scheduler``, the interface; ``slurm`` is an example, and ``registry`` finds schedulers by name.
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
    required_scheduler,
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
    "required_scheduler",
    "state_of_word",
]
