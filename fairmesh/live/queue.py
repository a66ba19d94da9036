"""The scheduler's jobs, asked for all at once and not too often."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence

from fairmesh.live.facts import Facts
from fairmesh.live.found import Found
from fairmesh.live.news import Name, News
from fairmesh.runner import scheduler
from fairmesh.runner.protocol import JOB
from fairmesh.runner.regular import read_regular
from fairmesh.runner.scheduler import Job

SCRIPT = 1 << 20  # bytes of a job's script
PERIOD = 0.8 * scheduler.FRESH  # seconds: so that nobody asks for a single job in between


class Queue:
    """The scheduler's jobs of this user; none where there is no scheduler, or it does not answer."""

    def __init__(self) -> None:
        self._asked = float("-inf")
        self._by_id: Mapping[str, Job] = {}
        self._by_name: Mapping[str, Job] = {}

    def look(self, found: Iterable[Found], news: Mapping[Name, News]) -> None:
        """Ask anew if the answer is old, and there is a job for which it can matter."""
        if time.monotonic() - self._asked < PERIOD:
            return
        open_jobs = [each for each in found if not each.facts.good]
        running = {str(each.facts.status.get("job_id") or "") for each in open_jobs if not each.facts.is_over} - {""}
        if not (running or _may_be_queued(open_jobs, news)):
            self._by_id, self._by_name = {}, {}  # what it said of jobs that are no more
            return
        self._asked = time.monotonic()
        answer = scheduler.jobs()
        if answer is None:  # what it said before is the best guess then
            return
        missing = running - answer.keys()
        self._by_id = answer | ((scheduler.jobs(missing) or {}) if missing else {})
        self._by_name = {each.name: each for each in self._by_id.values()}

    def of(self, key: str, facts: Facts, news: News) -> tuple[Job | None, Job | None]:
        """Give the jobs of an experiment or stage.

        Returns
        -------
        own, coming : Job or None
            The one that its last attempt runs in, and the one that is to make the next attempt: known from the run's
            events, or by its name, which is the key if somebody submitted job.sh by hand.
        """
        if facts.good or not self._by_id:
            return None, None
        own = self._by_id.get(str(facts.status.get("job_id") or ""))
        coming = self._by_id.get(news.job_id) or self._by_name.get(key)
        is_next = coming and coming != own and (not coming.has_ended or not facts.attempt)
        return own, coming if is_next else None


def _may_be_queued(open_jobs: Sequence[Found], news: Mapping[Name, News]) -> bool:
    """Tell whether the scheduler may have one of these jobs: a run gave it one, or their scripts are made for it."""
    known = (news.get(each.name) for each in open_jobs)
    if any(each.is_open and each.job_id for each in known if each):
        return True
    return any(_is_for_scheduler(each.folder) for each in open_jobs[:1])


def _is_for_scheduler(folder: str) -> bool:
    try:
        return b"\n#SBATCH" in read_regular(f"{folder}/{JOB}", SCRIPT)
    except OSError:
        return False
