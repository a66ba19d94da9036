"""A run of a study, like a future: start it, read its state, wait for its end, cancel, retry, read its logs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairmesh.api import run_process
from fairmesh.api.outputs import last_log_lines
from fairmesh.api.project import Project
from fairmesh.errors import BusyError, FairmeshError, InputError, Problem
from fairmesh.files import escape_path
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.project import is_path, results_folder, study_of_run
from fairmesh.runner import jsonfiles
from fairmesh.runner.status import request_cancel
from fairmesh.status import (
    JobSelection,
    RunStatus,
    SteeringResult,
    StudyStatus,
    cancel,
    check_will_start,
    clear,
    places,
    read_status,
)
from fairmesh.status.launch import rerun_command, run_command
from fairmesh.status.steering import current_user

if TYPE_CHECKING:
    import pandas as pd

STARTING, RUNNING, DONE, FAILED, CANCELLED, LOST = "starting", "running", "done", "failed", "cancelled", "lost"
RUN_STATES = (STARTING, RUNNING, DONE, FAILED, CANCELLED, LOST)
PERIOD = 0.5  # seconds between two checks in ``wait``


def run_state(info: RunStatus, has_begun: bool) -> str:
    """Return the state of a run, one of ``RUN_STATES``."""
    if info.is_alive:
        return RUNNING if has_begun else STARTING
    if info.exit_code == 0:
        return DONE
    if info.cancelled:
        return CANCELLED
    return LOST if info.exit_code is None else FAILED


@dataclass(frozen=True)
class Run:
    """A run of a study, started by this or another process; it continues when this process ends.

    Parameters
    ----------
    project : Project
        The project of the study.
    paths : StudyPaths
        The study's files.
    uuid : str
        Its uuid.

    Examples
    --------
    >>> import fairmesh
    >>> run = fairmesh.run("quick", where="epochs < 3")  # doctest: +SKIP
    >>> run.wait(timeout=600).counts["done"]  # doctest: +SKIP
    2
    >>> fairmesh.Run.of("quick").state  # started by another process  # doctest: +SKIP
    'running'
    """

    project: Project
    paths: StudyPaths
    uuid: str

    @classmethod
    def start(
        cls,
        project: Project,
        study: str,
        source: Path,
        profile: str,
        config: Mapping[str, Any],
        key: str = "",
        snakemake: Sequence[str] = (),
    ) -> Run:
        """Start a run of a study whose plan was checked; most callers want ``fairmesh.run``.

        Parameters
        ----------
        project : Project
            The project.
        study, source : str, Path
            The name of the study, and its file.
        profile : str
            The name or the folder of a Snakemake profile.
        config : mapping
            Keys that replace those of the configuration.
        key : str
            Idempotency key: the same key returns the same run.
        snakemake : sequence of str
            Further arguments of Snakemake.

        Raises
        ------
        BusyError
            If a run of the study is in progress.
        """
        paths = StudyPaths(project.results, study)
        merged = {"study": study_of_run(source, project.folder), **config}
        if project.results != results_folder(project.folder):
            merged["results"] = escape_path(project.results)
        start_command = run_command(project.folder, profile, merged, snakemake)
        request = {"profile": profile, "config": merged, "snakemake": list(snakemake)}
        return cls(project, paths, run_process.start(paths, start_command, request, key, bool(config.get("wait"))))

    @classmethod
    def of(cls, study: str | Path, uuid: str = "", folder: str | Path | None = None) -> Run:
        """Return an existing run: the last one of a study, or the one with this uuid.

        Parameters
        ----------
        study : str or Path
            A name; or the path of a study file, or of the study's folder in the results.
        uuid : str
            The uuid of the run, or its beginning.
        folder : str or Path, optional
            The project folder; by default the nearest one upward from the current folder.

        Raises
        ------
        InputError
            If there is no such run.
        """
        project = Project.of(folder)
        given = str(Path(folder or "", study)) if isinstance(study, Path) or is_path(study) else study
        if is_path(given) and Path(given).is_dir():
            paths = places.find_study(str(Path(given).absolute()))
        else:
            paths = StudyPaths(project.results, places.name_of(given, lambda: project.folder))
        matching = [run for run in run_process.runs(paths) if run.uuid.startswith(uuid)]
        if not matching:
            which = f"run {uuid!r}" if uuid else f"run in {paths.home}"
            raise InputError([Problem(f"study {paths.study} has no {which}")])
        if uuid and len(matching) > 1:
            raise InputError([Problem(f"{len(matching)} runs begin with {uuid!r}")])
        return cls(project, paths, matching[0].uuid)

    @property
    def study(self) -> str:
        """The name of the study."""
        return self.paths.study

    def info(self) -> RunStatus:
        """Return the status of the run itself: times, host, configuration and exit code.

        Raises
        ------
        FairmeshError
            If its files are gone.
        """
        status = run_process.find(self.paths, self.uuid)
        if status is None:
            raise FairmeshError(f"{self.paths.run(self.uuid)}: the files of this run are gone")
        return status

    @property
    def state(self) -> str:
        """One of ``starting``, ``running``, ``done``, ``failed``, ``cancelled`` and ``lost``."""
        return run_state(self.info(), run_process.has_begun(self.paths, self.uuid))

    def status(self) -> StudyStatus:
        """Return the status of the study, with all of its experiments."""
        info = self.info()
        if not self.paths.plan.exists():  # its first run has not begun
            return StudyStatus(self.study, "", "", jsonfiles.now(), info, (), ())
        return replace(read_status(self.paths), run=info)

    def done(self) -> bool:
        """Return whether the run is over."""
        return not self.info().is_alive

    def wait(self, timeout: float | None = None) -> StudyStatus:
        """Wait for the end of the run, and return the status of the study.

        Experiments may have failed: see ``has_failed`` of the result.

        Parameters
        ----------
        timeout : float, optional
            Seconds; without limit by default.

        Raises
        ------
        TimeoutError
            If the run is still in progress then.
        FairmeshError
            If the run ended before it could begin, with its output.
        """
        deadline = time.monotonic() + timeout if timeout is not None else None
        while not self.done():
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"run {self.uuid} of {self.study} is still in progress after {timeout} s")
            time.sleep(PERIOD if deadline is None else min(PERIOD, max(0.0, deadline - time.monotonic())))
        self._check_begun()
        return self.status()

    def _check_begun(self) -> None:
        if run_process.has_begun(self.paths, self.uuid) or self.info().cancelled:
            return
        output = "\n".join(self.output()) or "it printed nothing"
        raise FairmeshError(f"run {self.uuid} of {self.study} could not begin:\n{output}")

    def cancel(
        self, names: Sequence[str] = (), where: str = "", states: Sequence[str] = (), who: str = ""
    ) -> tuple[str, ...]:
        """Cancel experiments of the run, or the whole run if none is named; return the names of the cancelled ones.

        Parameters
        ----------
        names, where, states : see ``fairmesh.status.JobSelection``
            Which experiments.
        who : str
            The user who cancels; user and host of this process by default.
        """
        steered = self.steer(JobSelection(tuple(names), where, tuple(states)), who)
        return tuple(job.name for job in steered.jobs)

    def steer(self, selection: JobSelection, who: str = "") -> SteeringResult:
        """Cancel like ``cancel``, and return the jobs, notes and run."""
        info = self.info()
        if selection.is_everything and info.is_alive and not run_process.has_begun(self.paths, self.uuid):
            request_cancel(str(self.paths.run(self.uuid)), who or current_user())
            return SteeringResult((), (), self.info())
        last = run_process.runs(self.paths)[0]
        if last.uuid != self.uuid and not info.is_alive:  # an active one is not the last if another waits for it
            raise BusyError(f"run {self.uuid} of {self.study} is over; the last one is {last.uuid}")
        return cancel(self.paths, selection, who)

    def retry(
        self,
        names: Sequence[str] = (),
        where: str = "",
        states: Sequence[str] = (),
        wait: bool = False,
        who: str = "",
        key: str = "",
    ) -> Run:
        """Run again all experiments that ended without a result, or a selection of them.

        Parameters
        ----------
        names, where, states : see ``fairmesh.status.JobSelection``
            Which experiments.
        wait : bool
            Whether to wait for the end of a run in progress.
        who, key : str
            The user who retries, and an idempotency key: the same key starts only one run.

        Returns
        -------
        Run
            The new run, or the run in progress if that starts them.

        Raises
        ------
        BusyError
            If the run in progress does not start them again.
        FairmeshError
            If there is nothing to retry.
        """
        cleared = clear(self.paths, JobSelection(tuple(names), where, tuple(states)), who)
        if not cleared.jobs:
            raise InputError([Problem(f"there is nothing to retry in {self.study}")])
        status = read_status(self.paths)
        if status.run and status.run.is_alive and not wait:
            check_will_start(status, cleared.jobs)
            return replace(self, uuid=status.run.uuid)
        folder = self.project.folder
        retry_command = rerun_command(self.paths, status.source, status.run, cleared.jobs, lambda: folder, wait=wait)
        request = {
            "profile": status.run.profile if status.run else "",
            "config": dict(status.run.config) if status.run else {},
            "again": [job.key for job in cleared.jobs],
        }
        return replace(self, uuid=run_process.start(self.paths, retry_command, request, key, wait))

    def logs(
        self, names: Sequence[str] = (), where: str = "", states: Sequence[str] = (), lines: int = 20
    ) -> dict[str, list[str]]:
        """Return the last lines of logs by experiment: by default of all that failed."""
        selection = JobSelection(tuple(names), where, tuple(states))
        jobs = selection.of(self.status())
        if selection.is_everything:
            jobs = [job for job in jobs if job.state in BAD_ENDS]
        return {job.name: last_log_lines(job, lines) for job in jobs}

    def output(self) -> list[str]:
        """Return the last lines that the workflow printed; none if it was started in a terminal."""
        return run_process.last_output(self.paths, self.uuid)

    def results(self) -> pd.DataFrame:
        """Return the study's results, like ``fairmesh.load_results``."""
        from fairmesh.results.table import load_results  # noqa: PLC0415  pandas takes half a second

        return load_results(self.paths.folder)

    def _repr_html_(self) -> str:
        from fairmesh.api.html import status_html  # noqa: PLC0415  only in notebooks

        return status_html(self.status(), self.state)
