"""Find out where an experiment that may run on any of several machines has a result, or runs already."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from fairmesh.dispatch.mirror import RemotePlace
from fairmesh.jobs.lookup import FolderState, folder_state, read_current
from fairmesh.jobs.paths import JobPaths, StudyPaths


def result_finder(home: Path) -> Callable[[str, str, str, str], bool]:
    """Return a function that returns whether a machine has the result of an experiment, or is at it.

    Its arguments are study, machine, id and fingerprint.

    Parameters
    ----------
    home : Path
        The results folder.
    """
    has_folder = cache(lambda study, machine: StudyPaths(home, study).job(machine, "").folder.is_dir())

    def has_result(study: str, machine: str, identity: str, fingerprint: str) -> bool:
        paths = StudyPaths(home, study)
        if read_current(paths.record(machine, identity), fingerprint):
            return True
        return has_folder(study, machine) and is_placed(paths.job(machine, identity), fingerprint)

    return has_result


def is_placed(job: JobPaths, fingerprint: str) -> bool:
    """Return whether a job folder has a result with this fingerprint, or one is being made here or elsewhere."""
    if folder_state(job, fingerprint) is not FolderState.NOTHING:
        return True
    place = RemotePlace.read(job)
    return place is not None and place.fingerprint == fingerprint
