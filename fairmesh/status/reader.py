"""Read the status of a study: everything once, then only changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import check_plan
from fairmesh.printing import one_line
from fairmesh.runner import jsonfiles, owner, protocol
from fairmesh.runner.protocol import RUN_FILE, RUNS
from fairmesh.runner.safefiles import LARGEST
from fairmesh.runner.status import cancel_reason
from fairmesh.status.builder import StatusBuilder, remaining_seconds
from fairmesh.status.cache import FileCache, Map
from fairmesh.status.events import EventLog, JobEvents, Name
from fairmesh.status.job_files import Facts, TrackedJob
from fairmesh.status.machines import MachineReader
from fairmesh.status.model import RunStatus, StudyStatus
from fairmesh.status.queue import Queue
from fairmesh.status.study_jobs import StudyJobs


class Reader:
    """Reads the status of one study, repeatedly; safe with concurrent writers, but not thread-safe.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    is_cached : bool
        Whether the study is read more than once.
    is_whole : bool
        Whether ``facts`` has the whole records and statuses.
    plan : mapping, optional
        The plan; by default the one of the last run.

    Examples
    --------
    >>> from pathlib import Path
    >>> status = Reader(StudyPaths(Path("results"), "quick")).read()  # doctest: +SKIP
    >>> status.counts["running"]  # doctest: +SKIP
    2
    """

    def __init__(
        self, paths: StudyPaths, is_cached: bool = True, is_whole: bool = False, plan: Map | None = None
    ) -> None:
        self.paths = paths
        self._given = plan
        self._plans = FileCache(is_cached)
        self._checked: Map = {}
        self._survey = StudyJobs(paths, is_cached, is_whole)
        self._runs = RunReader(paths, is_cached)
        self._machines = MachineReader(paths, is_cached)
        self._log = EventLog("")
        self._queue = Queue(is_cached)
        self._builder = StatusBuilder(self._queue)
        self._experiments: list[TrackedJob] = []

    def read(self) -> StudyStatus:
        """Return the current status of the study.

        Raises
        ------
        FairmeshError
            If it has no readable plan, for example because it was never run.
        """
        plan = self.plan()
        run = self._runs.last()
        news = self._news(run)
        self._experiments = list(self._survey.experiments(plan))
        stages = list(self._survey.stages(plan["application"]["name"], news))
        machines = self._machines.read()
        self._queue.look([*stages, *self._experiments], news, {machine.machine for machine in machines})
        now = jsonfiles.now()
        stage_statuses, experiments = self._builder.build(stages, self._experiments, run, news, now)
        return StudyStatus(
            study=self.paths.study,
            title=one_line(plan.get("title") or ""),
            source=plan.get("source") or "",
            now=now,
            run=run,
            experiments=experiments,
            stages=stage_statuses,
            left=remaining_seconds(run, experiments, now),
            scheduler=self._queue.problem,
            machines=machines,
            problems=self._problems(),
            axes=tuple(plan.get("axes") or ()),
        )

    @property
    def facts(self) -> list[Facts]:
        """The facts of each experiment when last read."""
        return [job.judged for job in self._experiments]

    def plan(self) -> Map:
        """Return the study's plan.

        Raises
        ------
        FairmeshError
            If there is none, or it cannot be read.
        """
        if self._given is not None:
            return self._given
        path = str(self.paths.plan)
        plan = self._plans.read(path, LARGEST, follow_links=True)
        problem = self._plans.problems.get(path)
        why = f"cannot be read: {problem}" if problem else ""
        try:
            if plan and plan is not self._checked:
                check_plan(plan)
        except ValueError as error:
            why = f"not a plan: {error}"
        if why or not plan:
            absent = "there is no such file; a run of the study writes it"
            raise FairmeshError(f"{path}: {why or (absent if not self.paths.plan.exists() else 'not a plan')}")
        self._checked = plan
        return plan

    def _problems(self) -> tuple[str, ...]:
        problems = self._survey.problems | self._runs.problems | self._machines.problems
        return tuple(f"{path}: cannot be read: {why}; left out" for path, why in sorted(problems.items()))

    def _news(self, run: RunStatus | None) -> Mapping[Name, JobEvents]:
        path = str(self.paths.run(run.uuid) / protocol.EVENTS) if run else ""
        if path != self._log.path:
            self._log = EventLog(path)
        return self._log.read()


def read_status(paths: StudyPaths) -> StudyStatus:
    """Return the current status of a study; use a ``Reader`` to read it repeatedly.

    Raises
    ------
    FairmeshError
        If it has no readable plan.
    """
    return Reader(paths, is_cached=False).read()


class RunReader:
    """Reads the runs of a study.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    clock : optional
        The clock of their file system, for repeated reading.
    """

    def __init__(self, paths: StudyPaths, is_cached: bool = False) -> None:
        self._folder = str(paths.folder / RUNS)
        self._files = FileCache(is_cached)

    def last(self) -> RunStatus | None:
        """Return the run that was started last here, if there was one; merged runs were started elsewhere."""
        own = (about for about in self._abouts() if not about.get("merged"))
        about = max(own, key=_started, default=None)
        return self._status(about) if about else None

    def all(self) -> list[RunStatus]:
        """Return all runs, the last one first."""
        return [self._status(about) for about in sorted(self._abouts(), key=_started, reverse=True)]

    def one(self, uuid: str) -> RunStatus | None:
        """Return the run with a uuid, if it exists."""
        about = self._about(uuid)
        return self._status(about) if about else None

    @property
    def problems(self) -> dict[str, str]:
        """The reasons why files of runs could not be read, by path."""
        return self._files.problems

    def _abouts(self) -> list[Map]:
        try:
            names = os.listdir(self._folder)  # noqa: PTH208  called often
        except OSError:
            return []
        return [about for about in map(self._about, names) if about]

    def _about(self, name: str) -> Map:
        """Return what run.json of a folder says; empty if it is not of the run of this folder."""
        about = self._files.read(f"{self._folder}/{name}/{RUN_FILE}")
        return about if about.get("uuid") == name else {}

    def _status(self, about: Map) -> RunStatus:
        entry = about.get("owner")
        process: dict[str, Any] = entry if isinstance(entry, dict) else {}
        config, code, pid = about.get("config"), about.get("exit_code"), process.get("pid")
        return RunStatus(
            uuid=str(about["uuid"]),
            executor_run=str(about.get("executor_run") or ""),
            profile=one_line(str(about.get("profile") or "")),
            config=config if isinstance(config, dict) else {},
            folder=str(about.get("folder") or ""),
            python=str(about.get("python") or ""),
            started=_started(about),
            ended=str(about.get("ended") or ""),
            exit_code=code if isinstance(code, int) else None,
            host=one_line(str(process.get("host") or "")),
            pid=pid if isinstance(pid, int) else 0,
            is_alive=not about.get("ended") and isinstance(pid, int) and owner.is_alive(process) is not False,
            is_merged=bool(about.get("merged")),
            cancelled=one_line(cancel_reason(f"{self._folder}/{about['uuid']}")),
        )


def _started(about: Map) -> str:
    return str(about.get("started") or "")
