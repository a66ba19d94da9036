"""What runs right now, and how to steer it: one truth for every face, below all of them."""

from fairmesh.status.logs import log_path
from fairmesh.status.model import JobStatus, RunStatus, StudyStatus
from fairmesh.status.reader import Reader, read_status
from fairmesh.status.selection import JobSelection
from fairmesh.status.steering import SteeringResult, cancel, check_will_start, clear

__all__ = [
    "JobSelection",
    "JobStatus",
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
