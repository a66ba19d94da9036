"""``start``: start jobs exactly once each, detached or by a scheduler, with numbers that the client chooses.

Whoever repeats a request gets the same start: ``starts/N.json`` is written before it, and the runner starts its program
only if it can make claim N.
"""

import contextlib
import json
import os
import re
import shlex
import time
from typing import Any, Dict, List, NamedTuple

from ..runner import commit, jsonfiles, owner, protocol
from ..runner.claims import Claims
from ..schedulers import Scheduler, SchedulerError, find_scheduler, names
from .detach import start_detached
from .home import Home
from .problems import RETRY, RequestProblem, of_error
from .request import Answer, Request, number_of, text_of
from .starts import Start, Starts
from .states import Query, find_job, states

BEGUN = 3.0  # seconds to wait for the claims of detached jobs, so that the answer has them
IN_FLIGHT = 20.0  # seconds in which a submission that was interrupted may still reach the scheduler
_NAME = re.compile(r"[A-Za-z0-9-]{1,60}\Z")
_RUN = re.compile(r"[A-Za-z0-9-]{0,60}\Z")
# Variables of a run on this machine, in which this process may have been started; FAIRMESH_HOME is read by job.sh.
_OF_ANOTHER_RUN = (protocol.RUN_FOLDER, protocol.RUN_ID, protocol.EXECUTOR_RUN, "FAIRMESH_HOME")
_LEASED = ("threads", "cpus_per_task", "gres", "gpu_model")


class Job(NamedTuple):
    """A job to start.

    Parameters
    ----------
    query : Query
        Its folder and fingerprint.
    number : int
        The number of its attempt.
    force : bool
        Whether to run again despite the result of another run.
    run : str
        The id of the client's run.
    resources : dict
        The requested resources, under Snakemake's names.
    is_exclusive : bool
        Whether it needs a machine of its own.
    name : str
        The beginning of the name of the scheduler's job.
    scheduler : str
        The name of the scheduler, or ``none``.
    """

    query: Query
    number: int
    force: bool
    run: str
    resources: Dict[str, Any]
    is_exclusive: bool
    name: str
    scheduler: str


def answer(request: Request) -> Answer:
    """Start jobs, and return their states; a job that cannot be started has a ``problem`` and its ``kind``."""
    home = request.home
    jobs = [_job(home, values) for values in request.maps("jobs")]
    problems: Dict[str, RequestProblem] = {}
    begun: List[Job] = []
    for job in jobs:
        try:
            if _start(home, job):
                begun.append(job)
        except RequestProblem as error:
            problems[job.query.folder] = error
        except OSError as error:
            problems[job.query.folder] = of_error(error)
    _wait_for_claims(begun)
    answers, silence = states(home, [job.query for job in jobs])
    for folder, problem in problems.items():
        answers[folder].update(problem=problem.reason, kind=problem.kind)
    return Answer({"jobs": answers, "scheduler": silence})


def _job(home: Home, values: Dict[str, Any]) -> Job:
    folder = text_of(values, "folder")
    query = Query(folder, home.path(folder), text_of(values, "fingerprint"))
    name, run, scheduler = (
        text_of(values, "name", "job"),
        text_of(values, "run", ""),
        text_of(values, "scheduler", "none"),
    )
    resources = values.get("resources", {})
    if not _NAME.match(name) or not _RUN.match(run) or not isinstance(resources, dict):
        raise RequestProblem(f"{folder!a} has a bad name, run or resources")
    if scheduler != "none" and scheduler not in names():
        raise RequestProblem("there is no scheduler {}; allowed: none, {}".format(ascii(scheduler), ", ".join(names())))
    number = number_of(values, "number")
    if number < 1:
        raise RequestProblem("number must be above 0")
    force, is_exclusive = values.get("force") in (True, 1), values.get("exclusive") is True
    return Job(query, number, force, run, resources, is_exclusive, name, scheduler)


def _start(home: Home, job: Job) -> bool:
    """Start a job unless its number was started already; return whether a process was started."""
    path, starts, claims = job.query.path, Starts(job.query.path), Claims(job.query.path)
    experiment = jsonfiles.read_map(os.path.join(path, protocol.EXPERIMENT)) or {}
    if experiment.get("fingerprint") != job.query.fingerprint:
        raise RequestProblem(f"{path} does not hold this job; it must be stored again", RETRY)
    highest = claims.highest()
    if highest >= job.number or starts.highest() > job.number or not claims.is_free(highest):
        return False
    if _has_result(job):
        return False
    start = starts.read(job.number)
    if start is None:
        _remove_old_cancel(path)
        start = starts.create(job.number, job.scheduler, job.name) or starts.read(job.number)
        if start is None:
            raise RequestProblem(f"{starts.file(job.number)} cannot be read", RETRY)
    if start.is_known or not _is_mine(start):
        return False
    if commit.read(path, job.query.fingerprint):  # forced: an old result must not hide that this start was lost
        commit.set_aside(path)
    if start.scheduler == "none":
        starts.update(start._replace(process=_detach(job, starts)))
        return True
    _submit(home, job, start, starts)
    return False


def _has_result(job: Job) -> bool:
    result = commit.read(job.query.path, job.query.fingerprint)
    return result is not None and not (job.force and result.get("run") != job.run)


def _remove_old_cancel(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(os.path.join(path, protocol.CANCEL))


def _is_mine(start: Start) -> bool:
    """Return whether this process makes a start: it recorded it, or the one that did has ended before."""
    if start.starter.get("pid") == os.getpid() and owner.is_alive(start.starter):
        return True
    return owner.is_alive(start.starter) is not True


def _arguments(job: Job) -> List[str]:
    return ["--claim", str(job.number), "--force", str(int(job.force))]


def _detach(job: Job, starts: Starts) -> Dict[str, Any]:
    """Start job.sh as a detached process, which leases cores and GPUs of this computer."""
    leased = {key: job.resources[key] for key in _LEASED if key in job.resources}
    command = ["bash", os.path.join(job.query.path, protocol.JOB), *_arguments(job), "--lease", json.dumps(leased)]
    variables = {name: value for name, value in os.environ.items() if name not in _OF_ANOTHER_RUN}
    variables[protocol.RUN] = job.run
    return start_detached(command, job.query.path, starts.log(job.number), variables)


def _wait_for_claims(jobs: List[Job]) -> None:
    """Wait a moment until the runners of detached jobs have begun."""
    deadline = time.monotonic() + BEGUN
    waiting = list(jobs)
    while waiting and time.monotonic() < deadline:
        time.sleep(0.02)
        waiting = [job for job in waiting if not _has_begun(job)]


def _has_begun(job: Job) -> bool:
    start = Starts(job.query.path).read(job.number)
    has_ended = bool(start and start.process and owner.is_alive(start.process) is False)
    return has_ended or Claims(job.query.path).highest() >= job.number


def _submit(home: Home, job: Job, start: Start, starts: Starts) -> None:
    """Submit a job, unless an earlier attempt to do so has reached the scheduler."""
    scheduler = find_scheduler(start.scheduler)
    if _may_be_submitted(start) and _was_submitted(home, start, starts):
        return
    try:
        job_id = scheduler.submit(
            _script(job, scheduler), _resources(job, scheduler), start.job_name, start.token, starts.log(job.number)
        )
    except SchedulerError as error:
        reason = f"{scheduler.title} does not take the job: {error.reason}"
        if error.is_transient:
            if not error.is_unanswered:
                starts.update(start._replace(starter={}))
            raise RequestProblem(reason, RETRY) from None
        starts.update(start._replace(refusal=reason))
    else:
        starts.update(start._replace(job_id=job_id))


def _may_be_submitted(start: Start) -> bool:
    """Return whether the scheduler may have a start's job: another process was to submit it, and did not report."""
    return bool(start.starter) and start.starter.get("pid") != os.getpid()


def _was_submitted(home: Home, start: Start, starts: Starts) -> bool:
    """Return whether the scheduler has the job of a start, and record its number.

    Raises
    ------
    RequestProblem
        If the answer is not certain yet.
    """
    try:
        known = find_job(start)
    except SchedulerError as error:
        raise RequestProblem(
            f"it may be submitted already, and the scheduler does not answer: {error.reason}", RETRY
        ) from None
    if known is not None:
        starts.update(start._replace(job_id=known.id))
        return True
    if not _is_old(home, start, starts):
        raise RequestProblem("its submission was interrupted; the scheduler is asked again", RETRY)
    return False


def _is_old(home: Home, start: Start, starts: Starts) -> bool:
    return home.now() - os.stat(starts.file(start.number)).st_mtime > IN_FLIGHT


def _resources(job: Job, scheduler: Scheduler) -> Dict[str, Any]:
    """Return the resources of a job as those of a rule, which ``Scheduler.submit`` expects."""
    values = scheduler.rule_resources(job.resources, job.is_exclusive, inner_snakemake=False)
    known = scheduler.known_resources()
    return {name: value for name, value in values.items() if name in known}


def _script(job: Job, scheduler: Scheduler) -> str:
    """Return the batch script, which is replaced by job.sh and so gets the scheduler's signals."""
    path = job.query.path
    lines = ["#!/usr/bin/env bash"]
    lines += [f"trap '' {name}" for name in scheduler.harmless_signals]
    lines += [
        f"unset {' '.join(_OF_ANOTHER_RUN)}",
        f"export {protocol.RUN}={shlex.quote(job.run)}",
        f"cd -- {shlex.quote(path)} || exit 1",
        "exec bash {}".format(" ".join(map(shlex.quote, [os.path.join(path, protocol.JOB), *_arguments(job)]))),
    ]
    return "\n".join(lines) + "\n"
