"""What runs right now, and how to steer it: one truth for every face, below all of them."""

from fairmesh.status.logs import log_path
from fairmesh.status.model import JobStatus, RunStatus, StudyStatus
from fairmesh.status.reader import Reader, read_status
from fairmesh.status.selection import JobSelection
from fairmesh.status.steering import Steered, cancel, check_to_come, clear

__all__ = [
    "JobSelection",
    "JobStatus",
    "Reader",
    "RunStatus",
    "Steered",
    "StudyStatus",
    "cancel",
    "check_to_come",
    "clear",
    "log_path",
    "read_status",
]
