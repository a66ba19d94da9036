"""What is the same for all computers of a machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fairmesh.dispatch.open_job import OpenJob
from fairmesh.runner.status import cancel_reason


@dataclass(frozen=True)
class MachineContext:
    """What is the same for all computers of a machine.

    Parameters
    ----------
    machine : str
        The name of the machine.
    scheduler : str
        Its scheduler, or ``none``.
    patience : float
        Seconds without an answer after which a computer counts as paused.
    results : Path
        The local results folder.
    study : Path
        The folder of the study.
    home : str
        The name of the home.
    run : str
        The id of the run; empty without one.
    run_cancelled : callable
        Returns who has cancelled the run, and when; empty if nobody has.
    answer : callable
        Answers the request of a job, with the problem; empty if its record is there.
    timeout : float
        Seconds without any progress after which a computer counts as unreachable.
    rsync : bool
        Whether outputs of stages are copied with rsync.
    """

    machine: str
    scheduler: str
    patience: float
    results: Path
    study: Path
    home: str
    run: str
    run_cancelled: Callable[[], str]
    answer: Callable[[OpenJob, str], None]
    timeout: float = 60.0
    rsync: bool = False

    def cancel_reason(self, job: OpenJob) -> str:
        """Return who has cancelled a job or its run, and when; empty if nobody has."""
        return cancel_reason(str(job.paths.folder)) or self.run_cancelled()
