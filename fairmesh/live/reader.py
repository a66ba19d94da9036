"""Reads how a study stands: everything once, and then only what has changed."""

from __future__ import annotations

from collections.abc import Mapping

from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.live import times
from fairmesh.live.memo import Clock, Map, Memo
from fairmesh.live.model import RunStatus, StudyStatus
from fairmesh.live.news import EventLog, Name, News
from fairmesh.live.queue import Queue
from fairmesh.live.runs import RunReader
from fairmesh.live.survey import Survey
from fairmesh.live.telling import Teller
from fairmesh.runner import jsonfiles, protocol


class Reader:
    """Reads one study, as often as somebody asks; safe beside everything that writes, but for one thread alone.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    again : bool
        Whether somebody will read again, for whom it is worth remembering what was found.

    Examples
    --------
    >>> from pathlib import Path
    >>> status = Reader(StudyPaths(Path("results"), "quick")).read()  # doctest: +SKIP
    >>> status.counts["running"]  # doctest: +SKIP
    2
    """

    def __init__(self, paths: StudyPaths, again: bool = True) -> None:
        self.paths = paths
        clock = Clock() if again else None
        self._plans = Memo(clock)
        self._survey = Survey(paths, clock)
        self._runs = RunReader(paths, clock)
        self._log = EventLog("")
        self._queue = Queue(again)
        self._teller = Teller(self._queue)

    def read(self) -> StudyStatus:
        """Give how the study stands now.

        Raises
        ------
        FairmeshError
            If it has no plan, because it was never run, or no readable one.
        """
        plan = self._plan()
        run = self._runs.last()
        news = self._news(run)
        try:
            experiments = self._survey.experiments(plan["experiments"])
            stages = list(self._survey.stages(str(plan["application"]["name"]), news))
        except (KeyError, TypeError, AttributeError) as error:
            raise FairmeshError(f"{self.paths.plan}: not a plan: {error!r}") from error
        self._queue.look([*stages, *experiments], news)
        now = jsonfiles.now()
        told_stages, told = self._teller.tell(stages, experiments, run, news, now)
        return StudyStatus(
            study=self.paths.study,
            title=str(plan.get("title") or ""),
            source=str(plan.get("source") or ""),
            now=now,
            run=run,
            experiments=told,
            stages=told_stages,
            left=times.left(run, told, now),
            scheduler=self._queue.problem,
        )

    def _plan(self) -> Map:
        plan = self._plans.read(str(self.paths.plan))
        if plan:
            return plan
        why = "cannot be read" if self.paths.plan.exists() else "there is no such file; a run of the study writes it"
        raise FairmeshError(f"{self.paths.plan}: {why}")

    def _news(self, run: RunStatus | None) -> Mapping[Name, News]:
        path = str(self.paths.run(run.uuid) / protocol.EVENTS) if run else ""
        if path != self._log.path:
            self._log = EventLog(path)
        return self._log.read()


def read_status(paths: StudyPaths) -> StudyStatus:
    """Give how a study stands now; who asks again and again keeps a ``Reader``.

    Raises
    ------
    FairmeshError
        If it has no plan, or no readable one.
    """
    return Reader(paths, again=False).read()
