"""Run one job folder: ``python3 runner.pyz FOLDER``, as job.sh does."""

import argparse
import os
import sys
import time
from typing import Any, Dict, List, Optional

from ..schedulers import current_job
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
        "--claim",
        type=int,
        default=0,
        metavar="N",
        help="start exactly attempt N: if its number is taken, or another attempt is active, start nothing",
    )
    parser.add_argument(
        "--lease",
        type=_map,
        default={},
        metavar="JSON",
        help="resources whose cores and GPUs of this computer no other experiment gets: threads, gres, gpu_model",
    )
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
        folder, home = os.path.abspath(options.folder), os.path.abspath(options.home)
        job = Job(folder, home, options.record, bool(options.force), options.lease)
        with Signals().caught() as signals:
            if options.failed is not None:
                return record_failure(job, options.failed, options.collect, options.claim)
            return run_to_commit(job, signals, options)
    except BaseException as error:  # noqa: BLE001  one line for any error
        return _say(f"fairmesh: {os.path.basename(options.folder)}: {reason_of(error)}")


def run_to_commit(job: Job, signals: Signals, options: argparse.Namespace) -> int:
    """Ensure that the job has a commit of its fingerprint: find it, wait for it, or start an attempt.

    With ``--collect``, nothing is started, with ``--claim``, exactly one attempt. An owner commits before its claim is
    over, so the claim is read before the commit.
    """
    claims, collect = Claims(job.folder), options.collect
    while True:
        may_come = scheduler.may_start(collect or "")  # asked before the files are read
        number, problem = claims.highest(), ""
        is_free = claims.is_free(number)
        if job.commit():
            job.copy_record()
            return 0
        if options.claim:
            return _run_exactly(job, claims, options.claim, number, signals, options.patience)
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


def _run_exactly(job: Job, claims: Claims, wanted: int, number: int, signals: Signals, patience: float) -> int:
    """Start the attempt of a number, which the caller chose; start nothing if it is taken or another one is active."""
    if _is_requeued(claims.holder(number)):
        wanted = number + 1  # the scheduler repeats this start
    if number >= wanted or not claims.is_free(number) or not claims.take(wanted):
        return 0
    if job.commit():
        claims.release(wanted)
        return 0
    return _attempt(job, Attempt(job, wanted, signals, Retry(patience, signals)))


def _is_requeued(holder: owner.Owner) -> bool:
    """Return whether the holder of a claim was an earlier start of the scheduler's job that this process runs in."""
    mine = current_job()
    if mine is None or not mine.restarts or (mine.id, mine.cluster) != (holder.get("job_id"), holder.get("cluster")):
        return False
    restart = str(holder.get("restart") or 0)
    return restart.isdigit() and int(restart) < mine.restarts


def record_failure(job: Job, reason: str, collect: Optional[str], wanted: int = 0) -> int:
    """Write a failed attempt whose program could not start, unless there is a result or an active claim."""
    claims = Claims(job.folder)
    number = claims.highest()
    is_free = claims.is_free(number)
    if job.commit():
        job.copy_record()
        return 0
    if wanted and number >= wanted:
        return 0
    wanted = wanted or number + 1
    if collect is None and is_free and claims.take(wanted):
        folder = claims.attempt_folder(wanted)
        os.makedirs(folder)
        status = Status(
            os.path.join(folder, protocol.STATUS), wanted, owner.current_process(), job.run, job.fingerprint
        )
        status.end(protocol.FAILED, reason, None)
    return _say(f"fairmesh: {job.name} {protocol.FAILED}: {reason}")


def _map(text: str) -> Dict[str, Any]:
    """Return the map in a JSON text."""
    value = jsonfiles.parse(text.encode())
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError("not a map")
    return value


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
