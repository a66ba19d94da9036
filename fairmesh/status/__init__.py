"""The state of a study's jobs, and how to steer them: every user interface reads states here.

Imports ``jobs``, ``runner``, ``schedulers`` and the ground floor. ``model`` has the objects, ``resolve`` the rule that
derives a state, ``reader`` reads a study.
"""

from fairmesh.status.machines import MachineStatus
from fairmesh.status.model import JobStatus, RunStatus, StudyStatus, log_path
from fairmesh.status.reader import Reader, read_status
from fairmesh.status.steering import JobSelection, SteeringResult, cancel, check_will_start, clear

__all__ = [
    "JobSelection",
    "JobStatus",
    "MachineStatus",
    "Reader",
    "RunStatus",
    "SteeringResult",
    "StudyStatus",
    "cancel",
    "check_will_start",
    "clear",
    "log_path",
    "read_status",
]
