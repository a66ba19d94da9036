"""Run one job folder: ``python3 runner.pyz FOLDER``, as job.sh does."""

import argparse
import os
import sys
import time
from typing import List, Optional

from . import jsonfiles, owner, protocol, retry, scheduler
from .attempt import Attempt, reason_of
from .claims import Claims
from .job import Job
from .program import Signals
from .retry import Retry
from .status import Status
from .text import printable_lines

SHOWN = 15  # last lines of the log in a message about a failure
SILENCE = 90.0  # seconds without a heartbeat after which an owner of unknown state counts as lost


def main(arguments: Optional[List[str]] = None) -> int:
    """Run a job folder; return 0 if its result is committed, else 1."""
    parser = argparse.ArgumentParser(prog="runner.pyz", description="Run the experiment of a job folder, once.")
    parser.add_argument("folder", help="the job folder, which holds experiment.json")
    parser.add_argument("--home", required=True, help="the folder of runner.pyz, stages/ and environments/")
    parser.add_argument("--record", help="the file that gets a copy of the commit")
    parser.add_argument("--force", type=int, default=0, help="1: run again in spite of a good commit of another run")
    parser.add_argument(
        "--collect",
        metavar="JOB",
        help="start nothing: wait for the process or the scheduler's JOB that runs it, and copy the result",
    )
    parser.add_argument(
        "--failed",
        metavar="REASON",
        help="start nothing: record that the job failed before its program started, and why",
    )
    parser.add_argument(
        "--silence",
        type=float,
        default=SILENCE,
        metavar="SECONDS",
        help="another process's attempt counts as lost after this time without a heartbeat (%(default)g)",
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=retry.SECONDS,
        metavar="SECONDS",
        help="how long to retry while the folder cannot be written (%(default)g)",
    )
    options = parser.parse_args(arguments)
    try:
        job = Job(os.path.abspath(options.folder), os.path.abspath(options.home), options.record, bool(options.force))
        with Signals().caught() as signals:
            if options.failed is not None:
                return record_failure(job, options.failed, options.collect)
            return run_to_commit(job, signals, options)
    except BaseException as error:  # noqa: BLE001  one line for any error
        return _say(f"fairmesh: {os.path.basename(options.folder)}: {reason_of(error)}")


def run_to_commit(job: Job, signals: Signals, options: argparse.Namespace) -> int:
    """Ensure that the job has a commit of its fingerprint: find it, wait for it, or start an attempt.

    With ``--collect``, nothing is started. An owner commits before its claim is over, so the claim is read before the
    commit.
    """
    claims, collect = Claims(job.folder), options.collect
    while True:
        may_come = scheduler.may_start(collect or "")  # asked before the files are read
        number, problem = claims.highest(), ""
        is_free = claims.is_free(number)
        if job.commit():
            job.copy_record()
            return 0
        if not is_free:
            problem = _wait(claims, number, signals, options.silence)
        elif collect is not None:
            problem = _wait_for_turn(collect, may_come, signals)
        elif not claims.take(number + 1):
            signals.wait(0.1)  # another process was faster; NFS shows it with a delay
        elif job.commit():  # by an owner that counted as lost
            claims.release(number + 1)
        else:
            return _attempt(job, Attempt(job, number + 1, signals, Retry(options.patience, signals)))
        if problem:
            return _say(f"fairmesh: {job.name}: {problem}")


def record_failure(job: Job, reason: str, collect: Optional[str]) -> int:
    """Write a failed attempt whose program could not start, unless there is a result or an active claim."""
    claims = Claims(job.folder)
    number = claims.highest()
    is_free = claims.is_free(number)
    if job.commit():
        job.copy_record()
        return 0
    if collect is None and is_free and claims.take(number + 1):
        folder = claims.attempt_folder(number + 1)
        os.makedirs(folder)
        status = Status(
            os.path.join(folder, protocol.STATUS), number + 1, owner.current_process(), job.run, job.fingerprint
        )
        status.end(protocol.FAILED, reason, None)
    return _say(f"fairmesh: {job.name} {protocol.FAILED}: {reason}")


def _attempt(job: Job, attempt: Attempt) -> int:
    end = attempt.run()
    if end.state == protocol.DONE:
        attempt.persist(job.copy_record)
        return 0
    lines = [f"fairmesh: {job.name} {end.state}: {end.reason}", *attempt.output.last_lines(SHOWN)]
    return _say("\n    ".join(lines))


def _wait(claims: Claims, number: int, signals: Signals, silence: float) -> str:
    """Wait for the end of another process's claim; return the problem, or an empty text."""
    path = os.path.join(claims.attempt_folder(number), protocol.STATUS)
    heartbeat, heard = None, time.monotonic()
    while not claims.is_over(number):
        if signals.first_end():
            return f"stopped while it waited for attempt {number}"
        latest = (jsonfiles.read_map(path) or {}).get("heartbeat")
        if latest != heartbeat or owner.is_alive(claims.holder(number)):
            heartbeat, heard = latest, time.monotonic()
        if time.monotonic() - heard > silence:
            host = claims.holder(number).get("host", "an unknown host")
            return f"lost: no sign of life of attempt {number} on {host} for {silence:.0f} s"
        signals.wait(0.5)
    return ""


def _wait_for_turn(queued: str, may_come: bool, signals: Signals) -> str:
    """Wait briefly for a queued job; return the reason for giving up, or an empty text."""
    if signals.first_end():
        return f"stopped while it waited for job {queued}"
    if not may_come:
        return "ended without a result; the next run starts it"
    signals.wait(scheduler.FRESH)
    return ""


def _say(text: str) -> int:
    print(printable_lines(text), file=sys.stderr, flush=True)
    return 1
