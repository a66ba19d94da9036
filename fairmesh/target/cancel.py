"""``cancel``: request the end of jobs; those that wait in a scheduler's queue are removed from it."""

import contextlib
import os
import signal
from typing import Dict, List

from ..runner import owner
from ..runner.claims import Claims
from ..runner.status import request_cancel
from ..schedulers import SchedulerError, find_scheduler
from .request import Answer, Request
from .starts import Start, Starts
from .states import find_job


def answer(request: Request) -> Answer:
    """Write ``cancel.json``, which runners read, and end the jobs whose programs have not begun."""
    home, who = request.home, request.text("who", "somebody")
    paths = [home.path(folder) for folder in request.texts("jobs")]
    ids: Dict[str, List[str]] = {}
    problems = []
    for path in paths:
        request_cancel(path, who)
        start = Starts(path).read(Starts(path).highest())
        if start is None or Claims(path).highest() >= start.number:
            continue
        if start.scheduler == "none":
            _end(start)
            continue
        try:
            ids.setdefault(start.scheduler, []).extend(_ids(start))
        except SchedulerError as error:
            problems.append(error.reason)
    for name, numbers in ids.items():
        try:
            find_scheduler(name).cancel(numbers)
        except SchedulerError as error:
            problems.append(error.reason)
    return Answer({"scheduler": "; ".join(dict.fromkeys(problems))})


def _end(start: Start) -> None:
    """End the job.sh of a job whose program has not begun."""
    group = start.process.get("process_group")
    if isinstance(group, int) and group > 1 and owner.is_alive(start.process):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGTERM)


def _ids(start: Start) -> List[str]:
    """Return the number of a start's job; a submission whose answer was lost is looked up."""
    if start.job_id or start.refusal:
        return [start.job_id] if start.job_id else []
    job = find_job(start)
    return [job.id] if job else []
