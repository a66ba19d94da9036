"""Reads how a study stands: everything once, and then only what has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fairmesh.errors import FairmeshError
from fairmesh.jobs.attempts import BAD_ENDS
from fairmesh.jobs.paths import StudyPaths
from fairmesh.live import times
from fairmesh.live.fold import Witnesses, fold
from fairmesh.live.memo import Map, Memo
from fairmesh.live.model import JobStatus, RunStatus, StudyStatus
from fairmesh.live.news import NO_NEWS, EventLog, Name, News
from fairmesh.live.queue import Queue
from fairmesh.live.runs import RunReader
from fairmesh.live.survey import Found, Survey
from fairmesh.runner import jsonfiles, protocol


class Reader:
    """Reads one study, as often as somebody asks; safe beside everything that writes, but for one thread alone.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.

    Examples
    --------
    >>> from pathlib import Path
    >>> status = Reader(StudyPaths(Path("results"), "quick")).read()  # doctest: +SKIP
    >>> status.counts["running"]  # doctest: +SKIP
    2
    """

    def __init__(self, paths: StudyPaths) -> None:
        self.paths = paths
        self._plans = Memo()
        self._survey = Survey(paths)
        self._runs = RunReader(paths)
        self._log = EventLog("")
        self._queue = Queue()

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
            application = str(plan["application"]["name"])
            experiments = list(self._survey.experiments(plan["experiments"]))
            stages = list(self._survey.stages(application, plan["experiments"], news))
        except (KeyError, TypeError, AttributeError) as error:
            raise FairmeshError(f"{self.paths.plan}: not a plan: {error!r}") from error
        self._queue.look([*stages, *experiments], news)
        now = jsonfiles.now()
        told_stages, blocked = self._tell_stages(stages, run, news, now)
        told = tuple(self._tell(each, run, news, now, blocked) for each in experiments)
        return StudyStatus(
            study=self.paths.study,
            title=str(plan.get("title") or ""),
            source=str(plan.get("source") or ""),
            now=now,
            run=run,
            experiments=told,
            stages=told_stages,
            left=times.left(run, told, now),
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

    def _tell_stages(
        self, stages: Iterable[Found], run: RunStatus | None, news: Mapping[Name, News], now: str
    ) -> tuple[tuple[JobStatus, ...], dict[str, str]]:
        """Give how the stages stand, and by fingerprint of those that failed, or cannot begin, what to say of that."""
        told: list[JobStatus] = []
        blocked: dict[str, str] = {}
        for each in stages:
            stage = self._tell(each, run, news, now, blocked)
            told.append(stage)
            if stage.state in BAD_ENDS:
                name = each.id.removesuffix(f"-{each.key}")
                blocked[each.fingerprint] = f"its stage {name} {stage.state}: {stage.reason or 'no reason'}"
            elif stage.is_blocked:
                blocked[each.fingerprint] = stage.reason
        return tuple(told), blocked

    def _tell(
        self, found: Found, run: RunStatus | None, all_news: Mapping[Name, News], now: str, blocking: Mapping[str, str]
    ) -> JobStatus:
        each = self._survey.judge(found)
        facts, news = each.facts, all_news.get((each.machine, each.id), NO_NEWS)
        needs = (each.point.get("stages") or {}).values() if blocking else ()
        blocked = next((blocking[need] for need in needs if need in blocking), "")
        own, coming = self._queue.of(each.key, facts, news)
        state, reason = fold(Witnesses(facts, news, own, coming, run, each.is_selected, blocked))
        status = facts.status
        return JobStatus(
            kind=each.kind,
            machine=each.machine,
            id=each.id,
            key=each.key,
            state=state,
            reason=reason,
            progress=100 if state == protocol.DONE else _whole(status.get("progress")) if facts.attempt else 0,
            message=str(status.get("message") or ""),
            host=str(status.get("node") or status.get("host") or (coming.node if coming else "")),
            job_id=coming.id if coming else str(status.get("job_id") or news.job_id),
            attempt=facts.attempt,
            run=str(facts.good.get("run") or status.get("run") or ""),
            started=str(facts.good.get("started") or status.get("started") or ""),
            ended=str(facts.good.get("ended") or status.get("ended") or ""),
            seconds=times.in_states(state, facts, news, run, now),
            is_selected=each.is_selected,
            is_blocked=bool(blocked) and reason == blocked,
            folder=each.folder,
            point=each.point,
        )


def read_status(paths: StudyPaths) -> StudyStatus:
    """Give how a study stands now; who asks again and again keeps a ``Reader``.

    Raises
    ------
    FairmeshError
        If it has no plan, or no readable one.
    """
    return Reader(paths).read()


def _whole(value: Any) -> int:
    return min(100, max(0, int(value))) if isinstance(value, int | float) else 0
