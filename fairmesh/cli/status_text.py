"""How a study stands, in lines of text; each line knows its colour, which pipes do not show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from fairmesh.cli.output import table
from fairmesh.jobs.paths import JobPaths
from fairmesh.jobs.reading import BAD_ENDS
from fairmesh.printing import format_duration, format_time
from fairmesh.runner.protocol import CANCELLED, DONE, LOG, QUEUED, RUNNING, STATES
from fairmesh.runner.text import last_lines, printable
from fairmesh.status import JobStatus, RunStatus, StudyStatus
from fairmesh.status.model import ORDER
from fairmesh.status.states import state_label

WIDTH = 40  # characters of the progress bar
LOG_LINES = 3
NARROW = 60  # characters of a cell

STYLES = {DONE: "green", RUNNING: "cyan", QUEUED: "blue", CANCELLED: "yellow"} | dict.fromkeys(BAD_ENDS, "red")


class Line(NamedTuple):
    """A line, and its colour on a terminal."""

    text: str
    style: str = ""


def overview(status: StudyStatus, limit: int) -> list[Line]:
    """Return the whole picture: run, progress, counts, what failed with its last words, what runs, what is queued."""
    return [*_head(status), *_bad(status, limit), *_active(status, limit)]


def short(status: StudyStatus) -> str:
    """Return the picture in one line."""
    return f"{status.now[11:19]}  {status.progress:4.0%}  {_counts(status)}{_left(status)}"


def _head(status: StudyStatus) -> Iterator[Line]:
    yield Line(printable(f"{status.study}: {status.title}" if status.title else status.study), "bold")
    if status.run:
        yield Line(printable(_run(status.run)))
    filled = int(status.progress * WIDTH)
    yield Line(f"[{'#' * filled}{'.' * (WIDTH - filled)}] {status.progress:4.0%}{_left(status)}")
    yield Line(_counts(status))
    if status.scheduler:
        yield Line(status.scheduler, "yellow")


def _run(run: RunStatus) -> str:
    who = f"run {run.uuid[:8]}, started {format_time(run.started)} on {run.host}"
    if run.cancelled:
        who += f", {run.cancelled}"
    if run.is_alive:
        return f"{who}, goes on as process {run.pid}"
    return f"{who}, ended {format_time(run.ended)} with {run.exit_code}" if run.ended else f"{who}, was killed"


def _counts(status: StudyStatus) -> str:
    counts = (f"{status.counts[state]} {state_label(state)}" for state in STATES if status.counts[state])
    return ", ".join(counts) or "no experiments"


def _left(status: StudyStatus) -> str:
    return "" if status.left is None else f", about {format_duration(status.left)} left"


def _bad(status: StudyStatus, limit: int) -> Iterator[Line]:
    """Yield what went wrong, the worst first, each with the last words of its log."""
    bad = _sorted(each for each in status.jobs if each.state in BAD_ENDS)
    for each in bad[:limit]:
        yield Line(printable(f"{state_label(each.state)}: {each.name}: {each.reason}"), STYLES[each.state])
        yield from (Line(f"    {line}", "dim") for line in last_words(each, LOG_LINES))
    yield from _more(bad, limit, "ended badly")


def last_words(job: JobStatus, lines: int) -> list[str]:
    """Return the last lines that an attempt wrote; before it began, what its rule wrote."""
    paths = JobPaths(Path(job.folder))
    if job.attempt:
        return last_lines(paths.attempt(job.attempt) / LOG, lines)
    return last_lines(paths.rule_log, lines)


def _sorted(jobs: Iterable[JobStatus]) -> list[JobStatus]:
    return sorted(jobs, key=lambda each: ORDER.index(each.state))


def _active(status: StudyStatus, limit: int) -> Iterator[Line]:
    """Yield what runs or is queued, as a table."""
    jobs = _sorted(each for each in status.jobs if each.state in {RUNNING, QUEUED})
    if not jobs:
        return
    rows = [_row(each) for each in jobs[:limit]]
    heads, *lines = table(("id", "machine", "state", "progress", "for", "host", "job", "message"), rows).splitlines()
    yield Line(heads, "bold")
    yield from (Line(line, STYLES[each.state]) for line, each in zip(lines, jobs, strict=False))
    yield from _more(jobs, limit, "run or are queued")


def _row(job: JobStatus) -> tuple[str, ...]:
    spent = job.seconds.get(job.state)
    return (
        _cell(job.id),
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
    return plain if len(plain) <= NARROW else plain[: NARROW - 1] + "…"


def _more(jobs: Sequence[JobStatus], limit: int, what: str) -> Iterator[Line]:
    if len(jobs) > limit:
        yield Line(f"... and {len(jobs) - limit} more that {what}: --limit {len(jobs)} shows them", "dim")
