"""The record of starts of a job on a machine: ``starts/N.json``, written before the start with that number.

Like a claim it is created by one process only. It names the process that starts the job, and then the detached process
or the scheduler's job. It saves work and finds jobs again; that a number runs only once is ensured by the claim.
"""

import os
import re
import uuid
from typing import Any, Dict, NamedTuple, Optional

from ..runner import jsonfiles, owner
from ..runner.protocol import FORMAT
from .home import remove_half_files

STARTS = "starts"
_JOB_ID = re.compile(r"[\w.\[\]-]{1,60}\Z")


class Start(NamedTuple):
    """A start of a job.

    Parameters
    ----------
    number : int
        The number of the attempt that it is for.
    scheduler : str
        The scheduler that it is submitted to; ``none`` for a detached process.
    token : str
        Its random part in the name of the scheduler's job, by which the job is found.
    name : str
        The beginning of that name.
    starter : dict
        The process that makes the start; empty if the scheduler has refused it for now.
    process : dict
        The detached process; empty if it is not known.
    job_id : str
        The scheduler's job; empty if it is not known.
    refusal : str
        Why the scheduler does not take the job.
    ended : float
        When it was first seen that the job had ended without a claim, by the clock of the file system; 0 otherwise.
    """

    number: int
    scheduler: str
    token: str
    name: str
    starter: Dict[str, Any]
    process: Dict[str, Any]
    job_id: str = ""
    refusal: str = ""
    ended: float = 0.0

    @property
    def job_name(self) -> str:
        """The name of the scheduler's job, unlike that of any other."""
        return f"{self.name}-{self.number}-{self.token}"

    @property
    def is_known(self) -> bool:
        """Whether its process or job is known, or was refused."""
        return bool(self.process or self.job_id or self.refusal)


class Starts:
    """The starts of one job folder."""

    def __init__(self, folder: str) -> None:
        self.folder = os.path.join(folder, STARTS)

    def highest(self) -> int:
        """Return the highest number, or 0."""
        try:
            names = os.listdir(self.folder)
        except OSError:
            return 0
        return max((int(name[:-5]) for name in names if name.endswith(".json") and name[:-5].isdecimal()), default=0)

    def log(self, number: int) -> str:
        """Return the file for the output of job.sh."""
        return os.path.join(self.folder, f"{number}.log")

    def file(self, number: int) -> str:
        """Return the file of a start."""
        return os.path.join(self.folder, f"{number}.json")

    def read(self, number: int) -> Optional[Start]:
        """Return a start, None if there is none."""
        values = jsonfiles.read_map(self.file(number))
        if values is None:
            return None
        maps = {key: values[key] if isinstance(values.get(key), dict) else {} for key in ("starter", "process")}
        texts = {key: str(values.get(key) or "") for key in ("scheduler", "token", "name", "job_id", "refusal")}
        if not _JOB_ID.match(texts["job_id"]):
            texts["job_id"] = ""
        return Start(
            number,
            texts["scheduler"] or "none",
            texts["token"],
            texts["name"],
            maps["starter"],
            maps["process"],
            texts["job_id"],
            texts["refusal"],
            values["ended"] if isinstance(values.get("ended"), float) else 0.0,
        )

    def create(self, number: int, scheduler: str, name: str) -> Optional[Start]:
        """Record a new start; return None if there is one of this number."""
        start = Start(number, scheduler, uuid.uuid4().hex[:12], name, owner.current_process(), {})
        os.makedirs(self.folder, exist_ok=True)
        remove_half_files(self.folder)
        return start if jsonfiles.write_new(self.file(number), _content(start)) else None

    def update(self, start: Start) -> Start:
        """Write a start with its process or job."""
        jsonfiles.write(self.file(start.number), _content(start))
        return start


def _content(start: Start) -> Dict[str, Any]:
    values = dict(start._asdict(), format=FORMAT)
    return {key: value for key, value in values.items() if value or key == "number"}
