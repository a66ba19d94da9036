"""Query the scheduler for all jobs at once, in the background and with a limited rate, so that readers never block."""

from __future__ import annotations

import threading
import time
from collections.abc import Container, Iterable, Mapping, Sequence

from fairmesh.runner import scheduler as queue
from fairmesh.runner.protocol import JOB
from fairmesh.runner.safefiles import read_regular
from fairmesh.schedulers import JobInfo, Scheduler, find_scheduler, names
from fairmesh.status.events import JobEvents, Name
from fairmesh.status.job_files import Facts, TrackedJob

SHORTLY = 0.5  # seconds that a repeated reader waits for an answer
SILENT = "the scheduler does not answer; its jobs are shown as they were known before"
SCRIPT = 1 << 20  # bytes of a job's script
PERIOD = 0.8 * queue.FRESH  # seconds; shorter than the cache, so that single jobs are not queried


class Queue:
    """The scheduler's jobs of this user; none without a scheduler, or if it does not answer.

    Parameters
    ----------
    again : bool
        Whether the queue is read repeatedly, so that a late answer is used the next time.

    Attributes
    ----------
    problem : str
        The message about a scheduler that does not answer; empty if it answers or is not needed.
    """

    def __init__(self, again: bool = False) -> None:
        self._again = again
        self._asked = float("-inf")
        self._by_id: Mapping[str, JobInfo] = {}
        self._by_name: Mapping[str, JobInfo] = {}
        self._question: _Question | None = None
        self._has_answered = False
        self.problem = ""

    def look(
        self, jobs: Iterable[TrackedJob], news: Mapping[Name, JobEvents], elsewhere: Container[str] = frozenset()
    ) -> None:
        """Query the scheduler if the last answer is old and relevant for a job.

        Parameters
        ----------
        jobs : iterable of TrackedJob
            The jobs of a study.
        news : mapping
            The events of its run.
        elsewhere : container of str
            The remote machines: their schedulers are not the one of this computer.
        """
        if self._question is None:
            if time.monotonic() - self._asked < PERIOD:
                return
            local = (job for job in jobs if _machine_of(job) not in elsewhere and not _is_elsewhere(job))
            open_jobs = [job for job in local if not job.facts.good]
            running = {str(job.facts.status.get("job_id") or "") for job in open_jobs if not job.facts.is_over} - {""}
            scheduler = _scheduler_of(open_jobs)
            if not (running or scheduler or _are_queued(open_jobs, news)):
                self._by_id, self._by_name, self.problem = {}, {}, ""  # answers about ended jobs
                return
            self._asked = time.monotonic()
            self._question = _Question(running, scheduler)
        self._question.join(SHORTLY if self._again and self._has_answered else 2 * queue.BRIEFLY)
        if not self._question.is_alive():
            self._take(self._question.answer)
            self._question = None

    def _take(self, answer: Mapping[str, JobInfo] | None) -> None:
        self._has_answered = True
        if answer is None:  # the previous answer is kept
            self.problem = SILENT if queue.is_here() else ""
            return
        self.problem, self._by_id = "", answer
        self._by_name = {job.name: job for job in answer.values()}

    def of(self, key: str, facts: Facts, news: JobEvents) -> tuple[JobInfo | None, JobInfo | None]:
        """Return the jobs of an experiment or stage.

        Returns
        -------
        own, coming : JobInfo or None
            The job of the last attempt, and the job that will make the next attempt: it is known from the run's
            events, or by its name, which is the key if job.sh was submitted by hand.
        """
        if facts.good or not self._by_id:
            return None, None
        current = self._by_id.get(str(facts.status.get("job_id") or ""))
        coming = self._by_id.get(news.job_id) or self._by_name.get(key)
        is_next = coming and coming != current and (not coming.has_ended or not facts.attempt)
        return current, coming if is_next else None


def _machine_of(job: TrackedJob) -> str:
    """Return the machine of a job; that of a stage is in its experiment.json."""
    return job.machine or str(job.point.get("machine") or "")


def _is_elsewhere(job: TrackedJob) -> bool:
    """Return whether a job runs in the scheduler of another machine, whose name is before its number."""
    return ":" in str(job.facts.status.get("job_id") or "")


class _Question(threading.Thread):
    """One query of the scheduler for all jobs of this user and for those that run attempts."""

    def __init__(self, running: set[str], scheduler: Scheduler | None) -> None:
        super().__init__(daemon=True)
        self._running, self._scheduler = running, scheduler
        self.answer: Mapping[str, JobInfo] | None = None
        self.start()

    def run(self) -> None:
        """Query the scheduler."""
        answer = queue.jobs(patience=queue.BRIEFLY, scheduler=self._scheduler)
        if answer is not None:
            missing = self._running - answer.keys()
            more = queue.jobs(missing, patience=queue.BRIEFLY, scheduler=self._scheduler) if missing else {}
            answer |= more or {}
        self.answer = answer


def _are_queued(open_jobs: Iterable[TrackedJob], news: Mapping[Name, JobEvents]) -> bool:
    """Return whether a run has submitted one of these jobs."""
    known = (news.get(job.name) for job in open_jobs)
    return any(events.is_open and bool(events.job_id) for events in known if events)


def _scheduler_of(open_jobs: Sequence[TrackedJob]) -> Scheduler | None:
    """Return the scheduler of the job scripts; those of one machine are alike, and one of them is read."""
    firsts = {_machine_of(job): job for job in reversed(open_jobs)}
    return next(filter(None, map(_scheduler_in, firsts.values())), None)


def _scheduler_in(job: TrackedJob) -> Scheduler | None:
    try:
        script = read_regular(f"{job.folder}/{JOB}", SCRIPT)
    except OSError:
        return None
    schedulers = map(find_scheduler, names())
    return next((scheduler for scheduler in schedulers if f"\n{scheduler.prefix} ".encode() in script), None)
