"""``fairmesh logs``: print the logs of experiments, without control characters."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from fairmesh.cli import options
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.jobs import logs
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.printing import one_line, print_json, print_lines
from fairmesh.runner.protocol import DONE, ENDS
from fairmesh.runner.text import last_lines
from fairmesh.status import JobStatus, Reader, log_path, remote
from fairmesh.status.model import ACTIVE

PERIOD = 1.0  # seconds between two looks at a log
REMOTE_PERIOD = 3.0  # if it is on another machine, which may need a new connection for each
UPDATE_PERIOD = 10.0  # seconds between two questions whether the attempt has ended there
PAUSE = 15.0  # seconds after a machine did not answer
MOST = logs.MOST  # lines of a log that is on another machine
LINES = 20  # of each log, by default
SHOWN = 5  # names in a message


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_jobs(parser, "whose logs to print (all that failed)")
    parser.add_argument("--attempt", metavar="N", type=options.count, help="the number of the attempt (last)")
    parser.add_argument(
        "--lines", metavar="N", type=options.count, help="the last N lines (all of one log, 20 of several)"
    )
    parser.add_argument("--follow", action="store_true", help="follow the log until the attempt ends")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print logs."""
    selection = options.selected_jobs(arguments)
    paths = options.results_study(arguments)
    for note in remote.update(paths):
        print_lines(f"warning: {note}", file=sys.stderr)
    reader = Reader(paths)
    jobs = selection.of(reader.read())
    if selection.is_everything:
        jobs = [job for job in jobs if job.state in BAD_ENDS]
    if arguments.follow:
        return _follow(reader, jobs, arguments)
    if arguments.json:
        ids = (f"{job.id} on {job.machine}" if job.machine else job.id for job in jobs)
        print_json(dict(zip(ids, _last_lines(paths, jobs, arguments), strict=True)))
        return 0
    jobs = _without_missing(jobs)
    if len(jobs) == 1:
        _print_one(paths, jobs[0], arguments)
    else:
        _print_several(paths, jobs, arguments)
    return 0


def _print_one(paths: StudyPaths, job: JobStatus, arguments: argparse.Namespace) -> None:
    """Print a log, by default all of it; the log alone is on standard output."""
    path = log_path(job, arguments.attempt)
    lines: Iterable[str] | None = _remote_lines(paths, job, arguments.lines or MOST, arguments)
    if lines is None:
        lines = last_lines(path, arguments.lines) if arguments.lines else logs.Growing(path).read(last=True)
    if job.reason:
        print_lines(f"==> {_title(job)} <==", file=sys.stderr, flush=True)
    for line in lines:
        print_lines(line)


def _remote_lines(paths: StudyPaths, job: JobStatus, lines: int, arguments: argparse.Namespace) -> list[str] | None:
    """Return the last lines of the log of an attempt that is on another machine; None if it is here."""
    if job.state not in ACTIVE or arguments.attempt not in {None, job.attempt}:
        return None
    return remote.read_log(paths, job.folder, lines)


def _print_several(paths: StudyPaths, jobs: list[JobStatus], arguments: argparse.Namespace) -> None:
    for job, text in zip(jobs, _last_lines(paths, jobs, arguments), strict=True):
        print_lines(f"==> {_title(job)} <==")
        print_lines("\n".join(text) if text else "(empty)")


def _last_lines(paths: StudyPaths, jobs: list[JobStatus], arguments: argparse.Namespace) -> list[list[str]]:
    lines = arguments.lines or LINES
    found = (_remote_lines(paths, job, lines, arguments) for job in jobs)
    return [
        last_lines(log_path(job, arguments.attempt), lines) if text is None else text
        for job, text in zip(jobs, found, strict=True)
    ]


def _title(job: JobStatus) -> str:
    """Return the name of a job, with the reason for its state: its program may have printed none."""
    return one_line(f"{job.name}: {job.reason}" if job.reason else job.name)


def _without_missing(jobs: list[JobStatus]) -> list[JobStatus]:
    """Return the jobs with folders; print a warning of results of which only the records were copied."""
    missing = [job for job in jobs if job.state == DONE and not Path(job.folder).is_dir()]
    if missing:
        names = ", ".join(job.name for job in missing[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
        print_lines(f"warning: only the records are here, without logs: {names}", file=sys.stderr)
    return [job for job in jobs if job not in missing]


def _follow(reader: Reader, jobs: list[JobStatus], arguments: argparse.Namespace) -> int:
    """Print a log as it grows, until its attempt has ended."""
    if len(jobs) != 1:
        allowed = ", ".join(job.name for job in jobs[:SHOWN]) + (", ..." if len(jobs) > SHOWN else "")
        raise InputError([Problem(f"only one log can be followed, not {len(jobs)}; name one", "--follow", allowed)])
    log = _FollowedLog(reader.paths, jobs[0], arguments)
    while True:
        status = reader.read()
        job = next(job for job in status.jobs if job.folder == jobs[0].folder)
        has_ended = job.state in ENDS or not status.is_active
        for line in log.read(job, has_ended):
            print_lines(line, flush=True)
        if has_ended:
            return 0
        time.sleep(log.pause)
        log.update()


class _FollowedLog:
    """The growing log of a job, which is here or on another machine until it is fetched."""

    def __init__(self, paths: StudyPaths, job: JobStatus, arguments: argparse.Namespace) -> None:
        self.pause = PERIOD
        self._paths, self._attempt = paths, arguments.attempt
        self._lines = arguments.lines or LINES
        self._growing = logs.Growing(log_path(job, self._attempt))
        self._growing.skip_to(self._lines)
        self._window: logs.Window | None = None
        self._next_update = time.monotonic() + UPDATE_PERIOD
        self._warnings: set[str] = set()

    def read(self, job: JobStatus, last: bool) -> Iterable[str]:
        """Return the new lines; nothing, with a warning, if the machine does not answer."""
        path = self._growing.path = log_path(job, self._attempt)
        try:
            lines = self._lines_there(job)
        except FairmeshError as error:
            self._warn(str(error))
            self.pause = PAUSE
            return []
        self.pause = PERIOD if lines is None else REMOTE_PERIOD
        if lines is not None and self._window is None:
            self._window = logs.Window(self._lines)
        self._lines = MOST  # a log that begins later is new from its beginning
        if self._window is None:
            return self._growing.read(last)
        return self._window.new(last_lines(path, MOST) if lines is None else lines, last)

    def _lines_there(self, job: JobStatus) -> list[str] | None:
        """Return the last lines of the log if it is on another machine."""
        is_last = self._attempt in {None, job.attempt}
        return remote.read_log(self._paths, job.folder, MOST) if is_last else None

    def update(self) -> None:
        """Ask the machine now and then whether the attempt has ended, unless a run does so."""
        if self.pause != PERIOD and time.monotonic() >= self._next_update:
            for note in remote.update(self._paths):
                self._warn(note)
            self._next_update = time.monotonic() + UPDATE_PERIOD

    def _warn(self, text: str) -> None:
        """Print a warning once."""
        if text not in self._warnings:
            self._warnings.add(text)
            print_lines(f"warning: {text}", file=sys.stderr, flush=True)
