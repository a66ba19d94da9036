"""Run one job folder: ``python3 runner.pyz FOLDER``, which is what job.sh does."""

import argparse
import os
import sys
import time
from typing import List, Optional

from . import commit, jsonfiles, owner, program, protocol
from .attempt import Attempt
from .claims import Claims
from .job import Job
from .program import Signals

SILENCE = 90.0  # seconds without a heartbeat after which an owner of which nothing is known counts as lost


def main(arguments: Optional[List[str]] = None) -> int:
    """Run a job folder; 0 if its result is committed, 1 if not."""
    parser = argparse.ArgumentParser(prog="runner.pyz", description="Run the experiment of a job folder, once.")
    parser.add_argument("folder", help="the job folder, which holds experiment.json")
    parser.add_argument("--home", required=True, help="the folder of runner.pyz, stages/ and environments/")
    parser.add_argument("--record", help="the file that gets a copy of the commit")
    parser.add_argument("--force", type=int, default=0, help="1: run again in spite of a good commit of another run")
    parser.add_argument("--collect", action="store_true", help="start nothing: wait for whoever runs it, and copy")
    options = parser.parse_args(arguments)
    try:
        job = Job(os.path.abspath(options.folder), os.path.abspath(options.home), options.record, bool(options.force))
        with Signals().caught() as signals:
            return bring_to_end(job, signals, options.collect)
    except (commit.Refused, OSError) as error:
        return _say(f"fairmesh: {error}")


def bring_to_end(job: Job, signals: Signals, collect: bool) -> int:
    """See to it that the job has a commit of its fingerprint: found, waited for, or made by a new attempt."""
    claims = Claims(job.folder)
    while True:
        if job.commit():
            job.copy_record()
            return 0
        number = claims.highest()
        if number and not claims.is_over(number):
            problem = _wait(claims, number, signals)
            if problem:
                return _say(f"fairmesh: {job.name}: {problem}")
        elif collect:
            return _say(f"fairmesh: {job.name} ended without a result; the next run starts it")
        elif claims.take(number + 1):
            if number:
                claims.end_leftovers(number)
            if commit.read(job.folder, job.fingerprint):  # forced: a failure must not hide behind the old result
                commit.set_aside(job.folder)
            return _attempt(job, number + 1, signals)


def _attempt(job: Job, number: int, signals: Signals) -> int:
    attempt = Attempt(job, number, signals)
    end = attempt.run()
    if end.state == protocol.DONE:
        job.copy_record()
        return 0
    lines = [
        f"fairmesh: {job.name} {end.state}: {end.reason}",
        *program.tail(attempt.output.path),
    ]
    return _say("\n    ".join(lines))


def _wait(claims: Claims, number: int, signals: Signals) -> str:
    """Wait for the end of somebody else's claim; give what went wrong, or an empty text."""
    path = os.path.join(claims.attempt_folder(number), protocol.STATUS)
    heartbeat, heard = None, time.monotonic()
    while not claims.is_over(number):
        if signals.first_end():
            return f"stopped while it waited for attempt {number}"
        latest = (jsonfiles.read_map(path) or {}).get("heartbeat")
        if latest != heartbeat or owner.is_alive(claims.holder(number)):
            heartbeat, heard = latest, time.monotonic()
        if time.monotonic() - heard > SILENCE:
            host = claims.holder(number).get("host", "an unknown host")
            return f"lost: no sign of life of attempt {number} on {host} for {SILENCE:.0f} s"
        signals.wait(0.5)
    return ""


def _say(text: str) -> int:
    print(text, file=sys.stderr, flush=True)
    return 1
