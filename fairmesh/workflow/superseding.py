"""Move the old results of jobs that run again to their history, and restore them if the jobs do not begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fairmesh import files
from fairmesh.jobs import lookup
from fairmesh.printing import count_text
from fairmesh.runner.claims import Claims
from fairmesh.workflow.orphans import PendingJob


@dataclass(frozen=True)
class Superseded:
    """A result that became history because its job runs again.

    Parameters
    ----------
    output : Path
        The record of the experiment, or the study's marker of the stage.
    job : PendingJob
        The job.
    history : Path
        The result in the history.
    attempts : int
        The number of the last attempt before.
    """

    output: Path
    job: PendingJob
    history: Path
    attempts: int

    @property
    def is_stage(self) -> bool:
        """Whether the job is a shared stage."""
        return not self.job.name[0]

    def restore(self) -> bool:
        """Make the result count again if the job did not begin to run again; return whether it counts.

        A stage that failed gets its marker back: experiments that were made from the old stage stay valid.
        """
        if self.output.exists() or not self.history.exists():
            return False
        has_begun = Claims(str(self.job.paths.folder)).highest() > self.attempts
        if not has_begun:
            lookup.restore_superseded(self.history, self.output, self.job.paths)
        elif self.is_stage:
            files.copy_file(self.history, self.output)
        return not has_begun


def supersede(again: Mapping[str, PendingJob], outputs: Iterable[str], code: str) -> list[Superseded]:
    """Move the old results of jobs that run again to their history.

    Parameters
    ----------
    again : mapping of str to PendingJob
        The jobs that run again, by their record or marker.
    outputs : iterable of str
        The records and markers that the run makes.
    code : str
        The hash of the application's code: a stage that another study has measured anew by now is left alone.
    """
    superseded = []
    for output in again.keys() & set(outputs):
        job = again[output]
        result = lookup.read_current(job.paths.commit, job.fingerprint)
        if job.name[0] or (result and lookup.has_other_code(result, code)):
            attempts = Claims(str(job.paths.folder)).highest()
            history = lookup.supersede(Path(output), job.paths, job.fingerprint)
            superseded += [Superseded(Path(output), job, history, attempts)] if history else []
    return superseded


def restore_results(superseded: Iterable[Superseded]) -> str:
    """Make the old results of jobs that did not begin count again; return a sentence about the experiments, if any."""
    count = sum(old.restore() and not old.is_stage for old in superseded)
    if not count:
        return ""
    return f"{count_text(count, 'experiment')} did not begin to run again; the earlier results still count"
