"""The scheduler's jobs, asked for all at once, not too often, and in the background: no answer holds nobody up."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence

from fairmesh.runner import scheduler
from fairmesh.runner.protocol import JOB
from fairmesh.runner.safefiles import read_regular
from fairmesh.schedulers import JobInfo, find_scheduler, names
from fairmesh.status.events import JobEvents, Name
from fairmesh.status.job_files import Facts, TrackedJob

SHORTLY = 0.5  # seconds that somebody who looks again and again waits for an answer
SILENT = "the scheduler does not answer; its jobs are shown as they were known before"
SCRIPT = 1 << 20  # bytes of a job's script
PERIOD = 0.8 * scheduler.FRESH  # seconds: so that nobody asks for a single job in between


class Queue:
    """The scheduler's jobs of this user; none where there is no scheduler, or it does not answer.

    Parameters
    ----------
    again : bool
        Whether somebody looks again and again, and can see a late answer the next time.

    Attributes
    ----------
    problem : str
        What is to be said of its silence; empty if it answers, or need not be asked.
    """

    def __init__(self, again: bool = False) -> None:
        self._again = again
        self._asked = float("-inf")
        self._by_id: Mapping[str, JobInfo] = {}
        self._by_name: Mapping[str, JobInfo] = {}
        self._question: _Question | None = None
        self._has_answered = False
        self.problem = ""

    def look(self, found: Iterable[TrackedJob], news: Mapping[Name, JobEvents]) -> None:
        """Ask anew if the answer is old, and there is a job for which it can matter."""
        if self._question is None:
            if time.monotonic() - self._asked < PERIOD:
                return
            open_jobs = [each for each in found if not each.facts.good]
            running = {str(each.facts.status.get("job_id") or "") for each in open_jobs if not each.facts.is_over} - {
                ""
            }
            if not (running or _may_be_queued(open_jobs, news)):
                self._by_id, self._by_name, self.problem = {}, {}, ""  # what it said of jobs that are no more
                return
            self._asked = time.monotonic()
            self._question = _Question(running)
        self._question.join(SHORTLY if self._again and self._has_answered else 2 * scheduler.BRIEFLY)
        if not self._question.is_alive():
            self._take(self._question.answer)
            self._question = None

    def _take(self, answer: Mapping[str, JobInfo] | None) -> None:
        self._has_answered = True
        if answer is None:  # what it said before is the best guess then
            self.problem = SILENT if scheduler.is_here() else ""
            return
        self.problem, self._by_id = "", answer
        self._by_name = {each.name: each for each in answer.values()}

    def of(self, key: str, facts: Facts, news: JobEvents) -> tuple[JobInfo | None, JobInfo | None]:
        """Return the jobs of an experiment or stage.

        Returns
        -------
        own, coming : JobInfo or None
            The one that its last attempt runs in, and the one that is to make the next attempt: known from the run's
            events, or by its name, which is the key if somebody submitted job.sh by hand.
        """
        if facts.good or not self._by_id:
            return None, None
        own = self._by_id.get(str(facts.status.get("job_id") or ""))
        coming = self._by_id.get(news.job_id) or self._by_name.get(key)
        is_next = coming and coming != own and (not coming.has_ended or not facts.attempt)
        return own, coming if is_next else None


class _Question(threading.Thread):
    """One question to the scheduler: for all jobs of this user, and for those that run attempts."""

    def __init__(self, running: set[str]) -> None:
        super().__init__(daemon=True)
        self._running = running
        self.answer: Mapping[str, JobInfo] | None = None
        self.start()

    def run(self) -> None:
        """Ask."""
        answer = scheduler.jobs(patience=scheduler.BRIEFLY)
        if answer is not None:
            missing = self._running - answer.keys()
            answer |= (scheduler.jobs(missing, patience=scheduler.BRIEFLY) or {}) if missing else {}
        self.answer = answer


def _may_be_queued(open_jobs: Sequence[TrackedJob], news: Mapping[Name, JobEvents]) -> bool:
    """Return whether the scheduler may have one of these jobs: a run gave it one, or their scripts are made for it."""
    known = (news.get(each.name) for each in open_jobs)
    if any(each.is_open and each.job_id for each in known if each):
        return True
    return any(_is_for_scheduler(each.folder) for each in open_jobs[:1])


def _is_for_scheduler(folder: str) -> bool:
    try:
        script = read_regular(f"{folder}/{JOB}", SCRIPT)
    except OSError:
        return False
    return any(f"\n{find_scheduler(name).prefix} ".encode() in script for name in names())
