"""Reads how a study stands: everything once, and then only what has changed."""

from __future__ import annotations

from collections.abc import Mapping

from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.shapes import check_plan
from fairmesh.printing import one_line
from fairmesh.runner import jsonfiles, protocol
from fairmesh.runner.safefiles import LARGEST
from fairmesh.status import times
from fairmesh.status.facts import Facts
from fairmesh.status.found import TrackedJob
from fairmesh.status.memo import Clock, FileCache, Map
from fairmesh.status.model import RunStatus, StudyStatus
from fairmesh.status.news import EventLog, JobEvents, Name
from fairmesh.status.queue import Queue
from fairmesh.status.runs import RunReader
from fairmesh.status.survey import StudyJobs
from fairmesh.status.telling import StatusBuilder


class Reader:
    """Reads one study, as often as somebody asks; safe beside everything that writes, but for one thread alone.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    again : bool
        Whether somebody will read again, for whom it is worth remembering what was found.
    is_whole : bool
        Whether somebody wants all of each record and status, which ``facts`` has then.

    Examples
    --------
    >>> from pathlib import Path
    >>> status = Reader(StudyPaths(Path("results"), "quick")).read()  # doctest: +SKIP
    >>> status.counts["running"]  # doctest: +SKIP
    2
    """

    def __init__(self, paths: StudyPaths, again: bool = True, is_whole: bool = False) -> None:
        self.paths = paths
        clock = Clock() if again else None
        self._plans = FileCache(clock)
        self._checked: Map = {}
        self._survey = StudyJobs(paths, clock, is_whole)
        self._runs = RunReader(paths, clock)
        self._log = EventLog("")
        self._queue = Queue(again)
        self._teller = StatusBuilder(self._queue)
        self._experiments: list[TrackedJob] = []

    def read(self) -> StudyStatus:
        """Return how the study stands now.

        Raises
        ------
        FairmeshError
            If it has no plan, because it was never run, or no readable one.
        """
        plan = self.plan()
        run = self._runs.last()
        news = self._news(run)
        self._experiments = list(self._survey.experiments(plan["experiments"]))
        stages = list(self._survey.stages(plan["application"]["name"], news))
        self._queue.look([*stages, *self._experiments], news)
        now = jsonfiles.now()
        told_stages, told = self._teller.tell(stages, self._experiments, run, news, now)
        return StudyStatus(
            study=self.paths.study,
            title=one_line(plan.get("title") or ""),
            source=plan.get("source") or "",
            now=now,
            run=run,
            experiments=told,
            stages=told_stages,
            left=times.left(run, told, now),
            scheduler=self._queue.problem,
            problems=self._problems(),
        )

    @property
    def facts(self) -> list[Facts]:
        """What the files of each experiment said when it was read last."""
        return [each.judged for each in self._experiments]

    def plan(self) -> Map:
        """Return the study's plan.

        Raises
        ------
        FairmeshError
            If there is none, or it cannot be read.
        """
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
        found = self._survey.problems | self._runs.problems
        return tuple(f"{path}: cannot be read: {why}; left out" for path, why in sorted(found.items()))

    def _news(self, run: RunStatus | None) -> Mapping[Name, JobEvents]:
        path = str(self.paths.run(run.uuid) / protocol.EVENTS) if run else ""
        if path != self._log.path:
            self._log = EventLog(path)
        return self._log.read()


def read_status(paths: StudyPaths) -> StudyStatus:
    """Return how a study stands now; who asks again and again keeps a ``Reader``.

    Raises
    ------
    FairmeshError
        If it has no plan, or no readable one.
    """
    return Reader(paths, again=False).read()
