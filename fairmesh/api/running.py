"""A run of a study, like a future: ask how it stands, await its end, cancel, retry, read its logs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fairmesh.api import logs, starts
from fairmesh.api.project import Project
from fairmesh.api.states import run_state
from fairmesh.errors import BusyError, FairmeshError, InputError, Problem
from fairmesh.jobs.attempts import BAD_ENDS
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner import cancel as wish
from fairmesh.runner import jsonfiles
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
from fairmesh.status.launch import rerun_command
from fairmesh.status.steering import current_user

if TYPE_CHECKING:
    import pandas as pd


PERIOD = 0.5  # seconds between two looks of who waits


@dataclass(frozen=True)
class Run:
    """A run of a study, of this process or of anybody else; it goes on when this process ends.

    Parameters
    ----------
    project : Project
        Where it was started, or where it is looked at.
    paths : StudyPaths
        The study's files.
    uuid : str
        Its name.

    Examples
    --------
    >>> import fairmesh
    >>> run = fairmesh.run("quick", where="epochs < 3")  # doctest: +SKIP
    >>> run.wait(timeout=600).counts["done"]  # doctest: +SKIP
    2
    >>> fairmesh.Run.of("quick").state  # somebody else's  # doctest: +SKIP
    'running'
    """

    project: Project
    paths: StudyPaths
    uuid: str

    @classmethod
    def of(cls, study: str | Path, uuid: str = "", folder: str | Path | None = None) -> Run:
        """Return a run that somebody started: the last one of a study, or the one of a name.

        Parameters
        ----------
        study : str or Path
            A name, a study file, or the study's folder in the results.
        uuid : str
            The name of the run, or its beginning.
        folder : str or Path, optional
            The working folder; this process's by default.

        Raises
        ------
        InputError
            If there is no such run.
        """
        project = Project.of(folder)
        found = project.folder / study
        if not found.is_dir():
            paths = StudyPaths(project.results, places.name_of(str(study), project.folder))
        else:
            paths = places.find_study(str(found), None)
        fitting = [each for each in starts.runs(paths) if each.uuid.startswith(uuid)]
        if not fitting or (uuid and len(fitting) > 1):
            what = f"{len(fitting)} runs begin with {uuid!r}" if fitting else f"study {paths.study} has no run {uuid!r}"
            raise InputError([Problem(what if uuid else f"study {paths.study} has no run in {paths.home}")])
        return cls(project, paths, fitting[0].uuid)

    @property
    def study(self) -> str:
        """The name of the study."""
        return self.paths.study

    def info(self) -> RunStatus:
        """Return what is known of the run itself: when, where, with what, and how it ended.

        Raises
        ------
        FairmeshError
            If its files are gone.
        """
        found = starts.find(self.paths, self.uuid)
        if found is None:
            raise FairmeshError(f"{self.paths.run(self.uuid)}: the files of this run are gone")
        return found

    @property
    def state(self) -> str:
        """One of ``starting``, ``running``, ``done``, ``failed``, ``cancelled`` and ``lost``."""
        return run_state(self.info(), starts.has_begun(self.paths, self.uuid))

    def status(self) -> StudyStatus:
        """Return how the study stands now, with all of its experiments."""
        info = self.info()
        if not self.paths.plan.exists():  # the first run of a study, which has not begun
            return StudyStatus(self.study, "", "", jsonfiles.now(), info, (), ())
        return replace(read_status(self.paths), run=info)

    def done(self) -> bool:
        """Return whether the run is over."""
        return not self.info().is_alive

    def wait(self, timeout: float | None = None) -> StudyStatus:
        """Wait for the end of the run, and give how the study stands then.

        Experiments may have failed: ``has_failed`` of what is given says so.

        Parameters
        ----------
        timeout : float, optional
            Seconds; for ever by default.

        Raises
        ------
        TimeoutError
            If the run goes on after that time.
        FairmeshError
            If the run ended before it could begin, with what it said.
        """
        deadline = time.monotonic() + timeout if timeout is not None else None
        while not self.done():
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"run {self.uuid} of {self.study} goes on after {timeout} s")
            time.sleep(PERIOD if deadline is None else min(PERIOD, max(0.0, deadline - time.monotonic())))
        self._check_begun()
        return self.status()

    def _check_begun(self) -> None:
        if starts.has_begun(self.paths, self.uuid) or self.info().cancelled:
            return
        said = "\n".join(starts.last_words(self.paths, self.uuid)) or "it said nothing"
        raise FairmeshError(f"run {self.uuid} of {self.study} could not begin:\n{said}")

    def cancel(
        self, names: Sequence[str] = (), where: str = "", states: Sequence[str] = (), who: str = ""
    ) -> tuple[str, ...]:
        """Cancel experiments of the run, or the whole run if none is named; give what was cancelled.

        Parameters
        ----------
        names, where, states : see ``JobSelection``
            Which experiments.
        who : str
            Who wants it; user and host of this process by default.
        """
        steered = self.steer(JobSelection(tuple(names), where, tuple(states)), who)
        return tuple(each.name for each in steered.jobs)

    def steer(self, selection: JobSelection, who: str = "") -> SteeringResult:
        """Cancel like ``cancel``, and give all that is known of it."""
        info = self.info()
        if selection.is_everything and info.is_alive and not starts.has_begun(self.paths, self.uuid):
            wish.write(str(self.paths.run(self.uuid)), who or current_user())
            return SteeringResult((), (), self.info())
        last = starts.runs(self.paths)[0]
        if last.uuid != self.uuid:
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
        """Run again what ended without a result, or those of it that are named.

        Parameters
        ----------
        names, where, states : see ``JobSelection``
            Which experiments.
        wait : bool
            Whether to wait for the end of a run that goes on.
        who, key : str
            Who wants it; and see ``starts.start``.

        Returns
        -------
        Run
            The new run; this one if it goes on and starts them in their turn.

        Raises
        ------
        BusyError
            If a run goes on that does not start them again.
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
        made = rerun_command(self.paths, status.source, status.run, cleared.jobs, self.project.root, wait=wait)
        about = {
            "profile": status.run.profile if status.run else "",
            "config": dict(status.run.config) if status.run else {},
            "again": [each.key for each in cleared.jobs],
        }
        return replace(self, uuid=starts.start(self.paths, made, about, key, wait))

    def logs(
        self, names: Sequence[str] = (), where: str = "", states: Sequence[str] = (), lines: int = 20
    ) -> dict[str, list[str]]:
        """Return the last lines of logs by experiment: of all that ended badly, or of those that are named."""
        selection = JobSelection(tuple(names), where, tuple(states))
        found = selection.of(self.status())
        if selection.is_everything:
            found = [each for each in found if each.state in BAD_ENDS]
        return {each.name: logs.last_lines(each, lines) for each in found}

    def output(self) -> list[str]:
        """Return the last lines that the workflow itself printed; none if it was started in a terminal."""
        return starts.last_words(self.paths, self.uuid)

    def results(self) -> pd.DataFrame:
        """Return the study's results, as ``fairmesh.results`` does."""
        from fairmesh.results.frame import frame  # noqa: PLC0415  pandas takes half a second

        return frame(self.paths.folder)

    def _repr_html_(self) -> str:
        from fairmesh.api.html import of_status  # noqa: PLC0415  only in notebooks

        return of_status(self.status(), self.state)
