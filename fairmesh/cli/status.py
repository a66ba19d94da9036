"""``fairmesh status``: show the status of a study, once or until its run ends."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from fairmesh.cli import options
from fairmesh.cli.output import read_each, table, warn_of_unreadable
from fairmesh.dispatch.backoff import CONNECTED
from fairmesh.jobs.paths import JobPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.printing import format_duration, format_time, print_json, print_lines, safe_json
from fairmesh.runner.protocol import CANCELLED, DONE, LOG, QUEUED, RUNNING, STATES
from fairmesh.runner.text import last_lines, printable
from fairmesh.status import JobStatus, Reader, RunStatus, StudyStatus, read_status, remote
from fairmesh.status.machines import MACHINE_HEADS, machine_row
from fairmesh.status.model import ORDER
from fairmesh.status.states import state_label

if TYPE_CHECKING:
    from rich.console import RenderableType

PERIOD = 2.0  # seconds
WRAPPED = 100  # characters of a line of a long reason
WIDTH = 40  # characters of the progress bar
LOG_LINES = 3
MAX_CELL = 60  # characters

STYLES = {DONE: "green", RUNNING: "cyan", QUEUED: "blue", CANCELLED: "yellow"} | dict.fromkeys(BAD_ENDS, "red")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "study", metavar="STUDY", nargs="?", default="", help="a name, a study file, or results (from config.yaml)"
    )
    options.add_results(parser)
    parser.add_argument(
        "--watch", action="store_true", help="follow the run until it ends; exit status 1 if something failed"
    )
    parser.add_argument(
        "--json", action="store_true", help="print all details as JSON; with --watch, one line for each change"
    )
    parser.add_argument(
        "--limit", metavar="N", type=options.count, default=10, help="the largest number of rows in each table (10)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the status."""
    if arguments.watch:
        return _watch(Reader(options.results_study(arguments)), arguments)
    gc.disable()  # collecting garbage would take a fifth of the time, and free nothing
    try:
        studies = options.results_studies(arguments)
        for note in [note for paths in studies for note in remote.update(paths)]:
            print_lines(f"warning: {note}", file=sys.stderr)
        statuses, failed = read_each(studies, read_status)
    finally:
        gc.enable()
    if arguments.json:
        print_json(statuses[0].to_json() if len(studies) == 1 else [status.to_json() for status in statuses])
    else:
        for index, status in enumerate(statuses):
            _print([*([Line("")] if index else []), *overview(status, arguments.limit)])
    return failed | warn_of_unreadable([problem for status in statuses for problem in status.problems])


def _print(lines: list[Line]) -> None:
    """Print lines, in color on a terminal."""
    if not sys.stdout.isatty():
        print_lines("\n".join(line.text for line in lines))
        return
    from rich.console import Console  # noqa: PLC0415  only on a terminal

    Console(highlight=False).print(_styled(lines))


def _styled(lines: list[Line]) -> RenderableType:
    """Return lines as text of rich, cut at the width of the terminal."""
    from rich.console import Group  # noqa: PLC0415  as above
    from rich.text import Text  # noqa: PLC0415

    return Group(*(Text(printable(line.text), line.style, no_wrap=True, overflow="ellipsis") for line in lines))


def _watch(reader: Reader, arguments: argparse.Namespace) -> int:
    if arguments.json:
        status = _follow(reader, _print_when_changed(lambda status: safe_json(status.to_json())))
    elif sys.stdout.isatty():
        status = _follow_on_terminal(reader, arguments.limit)
    else:
        status = _follow(reader, _print_when_changed(short))
        _print(overview(status, arguments.limit))
    has_ended_badly = status.run is not None and status.run.exit_code != 0
    return int(status.has_failed or has_ended_badly) | warn_of_unreadable(status.problems)


def _follow(reader: Reader, show: Callable[[StudyStatus], None]) -> StudyStatus:
    """Show the status repeatedly, until nothing is active."""
    while True:
        status = reader.read()
        show(status)
        if not status.is_active:
            return status
        time.sleep(PERIOD)


def _print_when_changed(text: Callable[[StudyStatus], str]) -> Callable[[StudyStatus], None]:
    previous: list[tuple[object, ...]] = [()]

    def show(status: StudyStatus) -> None:
        jobs = ((job.state, job.progress, job.attempt) for job in status.jobs)
        machines = ((machine.state, machine.reason) for machine in status.machines)
        now = (*jobs, *machines)
        if now != previous[0]:
            print_lines(text(status), flush=True)
        previous[0] = now

    return show


def _follow_on_terminal(reader: Reader, limit: int) -> StudyStatus:
    from rich.live import Live  # noqa: PLC0415  only on a terminal

    with Live(auto_refresh=False, vertical_overflow="ellipsis") as screen:
        return _follow(reader, lambda status: screen.update(_styled(overview(status, limit)), refresh=True))


class Line(NamedTuple):
    """A line, and its color on a terminal."""

    text: str
    style: str = ""


def overview(status: StudyStatus, limit: int) -> list[Line]:
    """Return run, progress and counts, failed jobs with the end of their logs, and active jobs."""
    return [*_head(status), *_failed(status, limit), *_active(status, limit)]


def short(status: StudyStatus) -> str:
    """Return the status in one line."""
    return f"{status.now[11:19]}  {status.progress:4.0%}  {_counts(status)}{_left(status)}"


def _head(status: StudyStatus) -> Iterator[Line]:
    yield Line(printable(f"{status.study}: {status.title}" if status.title else status.study), "bold")
    if status.run:
        yield Line(printable(_run(status.run)))
    if status.interruption:
        yield Line(status.interruption, "yellow")
    filled = int(status.progress * WIDTH)
    yield Line(f"[{'#' * filled}{'.' * (WIDTH - filled)}] {status.progress:4.0%}{_left(status)}")
    yield Line(_counts(status))
    if status.scheduler:
        yield Line(status.scheduler, "yellow")
    yield from _machines(status)


def _machines(status: StudyStatus) -> Iterator[Line]:
    """Yield a table of the remote machines, and the reasons below it, which end with what a person can do."""
    if not status.machines:
        return
    rows = [tuple(map(_cell, machine_row(machine, status.now)[:-1])) for machine in status.machines]
    heads, *lines = table(MACHINE_HEADS[:-1], rows).splitlines()
    yield Line(heads, "bold")
    for line, machine in zip(lines, status.machines, strict=True):
        yield Line(line, "" if machine.state == CONNECTED else "yellow")
    for machine in status.machines:
        if machine.reason:
            text = printable(f"{machine.machine} is {machine.state}: {machine.reason}")
            yield from (
                Line(line, "yellow") for line in wrap(text, WRAPPED, subsequent_indent="    ", break_on_hyphens=False)
            )


def _run(run: RunStatus) -> str:
    text = f"run {run.uuid[:8]}, started {format_time(run.started)} on {run.host}"
    if run.cancelled:
        text += f", {run.cancelled}"
    if run.is_alive:
        return f"{text}, running as process {run.pid}"
    end = f"ended {format_time(run.ended)} with exit status {run.exit_code}" if run.ended else "was killed"
    return f"{text}, {end}"


def _counts(status: StudyStatus) -> str:
    counts = (f"{status.counts[state]} {state_label(state)}" for state in STATES if status.counts[state])
    return ", ".join(counts) or "no experiments"


def _left(status: StudyStatus) -> str:
    return "" if status.left is None else f", about {format_duration(status.left)} left"


def _failed(status: StudyStatus, limit: int) -> Iterator[Line]:
    """Yield failed jobs, each with the end of its log."""
    failed = _sorted(job for job in status.jobs if job.state in BAD_ENDS)
    for job in failed[:limit]:
        yield Line(printable(f"{state_label(job.state)}: {job.name}: {job.reason}"), STYLES[job.state])
        yield from (Line(f"    {line}", "dim") for line in log_end(job, LOG_LINES))
    yield from _more(failed, limit, "failed")


def log_end(job: JobStatus, lines: int) -> list[str]:
    """Return the last lines of the log of an attempt; before the first attempt, of the rule."""
    paths = JobPaths(Path(job.folder))
    if job.attempt:
        return last_lines(paths.attempt(job.attempt) / LOG, lines)
    return last_lines(paths.rule_log, lines)


def _sorted(jobs: Iterable[JobStatus]) -> list[JobStatus]:
    return sorted(jobs, key=lambda job: ORDER.index(job.state))


def _active(status: StudyStatus, limit: int) -> Iterator[Line]:
    """Yield a table of running and queued jobs."""
    jobs = _sorted(job for job in status.jobs if job.state in {RUNNING, QUEUED})
    if not jobs:
        return
    rows = [_row(job) for job in jobs[:limit]]
    names = ("experiment", "machine", "state", "progress", "for", "host", "job", "message")
    heads, *lines = table(names, rows).splitlines()
    yield Line(heads, "bold")
    yield from (Line(line, STYLES[job.state]) for line, job in zip(lines, jobs, strict=False))
    yield from _more(jobs, limit, "are running or queued")


def _row(job: JobStatus) -> tuple[str, ...]:
    spent = job.seconds.get(job.state)
    return (
        _cell(job.name),
        job.machine,
        state_label(job.state),
        f"{job.progress}%" if job.state == RUNNING else "",
        format_duration(spent) if spent is not None else "",
        _cell(job.host),
        _cell(job.job_id),
        _cell(job.message or job.reason),
    )


def _cell(text: str) -> str:
    plain = printable(text)
    return plain if len(plain) <= MAX_CELL else plain[: MAX_CELL - 1] + "…"


def _more(jobs: Sequence[JobStatus], limit: int, what: str) -> Iterator[Line]:
    if len(jobs) > limit:
        yield Line(f"... and {len(jobs) - limit} more that {what}; show them with --limit {len(jobs)}", "dim")
