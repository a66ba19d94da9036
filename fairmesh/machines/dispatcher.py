"""Run jobs on other machines for the rules of a run: a thread a machine submits, polls and fetches all of its jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines.remote_job import RemoteJob
from fairmesh.study.machines import Machine

FindJob = Callable[[str, str, str], RemoteJob]
"""Returns the job of a request: of its kind (``experiments`` or ``stages``), machine and id."""


class Dispatcher:
    """Runs jobs on other machines for the rules of a run.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    run_folder : Path
        The folder of the run, in which the rules make their requests.
    jobs : callable
        Returns the job of a request; called in the threads of the machines.
    machines : mapping
        The remote machines by name.
    project : Path
        The project folder.
    announce : callable
        Shows one line to the user; gets the line and the name of the machine.
    """

    def __init__(
        self,
        paths: StudyPaths,
        run_folder: Path,
        jobs: FindJob,
        machines: Mapping[str, Machine],
        project: Path,
        announce: Callable[[str, str], None],
    ) -> None:
        self._paths, self._run_folder, self._jobs = paths, run_folder, jobs
        self._machines, self._project, self._announce = machines, project, announce

    def start(self) -> None:
        """Start a thread for each machine."""

    def stop(self, cancel: bool) -> None:
        """End the threads.

        Parameters
        ----------
        cancel : bool
            Whether the machines cancel the jobs that this run still waits for; otherwise, the jobs go on, and the next
            run finds them.
        """
