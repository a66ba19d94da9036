"""Update what is known of jobs on other machines, for commands that run while no run does so."""

from __future__ import annotations

import os
from pathlib import Path

from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.machines.home import HOME_FILE
from fairmesh.status.reader import RunReader


def update(paths: StudyPaths) -> list[str]:
    """Mirror and fetch jobs on machines, and forward requests to cancel, unless a run in progress does.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.

    Returns
    -------
    list of str
        Why something is not up to date, a line for each machine.
    """
    if not paths.machines.is_dir():
        return []
    run = RunReader(paths).last()
    if run is None or run.is_alive:
        return []
    if not _is_own(paths):
        return ["the machines are not asked, since these results belong to another user"]
    from fairmesh.dispatch.synchronizing import synchronize  # noqa: PLC0415  rarely needed, and heavy

    return synchronize(paths, Path(run.folder))


def read_log(paths: StudyPaths, folder: str, lines: int) -> list[str] | None:
    """Return the last lines of the log of a job that is on another machine; None if it is on none.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    folder : str
        The job folder.
    lines : int
        The largest number of lines.

    Raises
    ------
    FairmeshError
        If the machine does not answer.
    """
    if not paths.machines.is_dir():
        return None
    run = RunReader(paths).last()
    if run is None or not _is_own(paths):
        return None
    from fairmesh.dispatch.synchronizing import read_log as read_remote_log  # noqa: PLC0415  rarely needed, and heavy

    return read_remote_log(paths, Path(run.folder), JobPaths(Path(folder)), lines)


def _is_own(paths: StudyPaths) -> bool:
    """Return whether the results belong to this user: settings of others could start any program as this user."""
    files = [path for path in (paths.home, paths.home / HOME_FILE, paths.machines) if path.exists()]
    return all(path.stat().st_uid == os.geteuid() for path in files)
