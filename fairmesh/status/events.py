"""Read the events of a run by job; their order does not matter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO, NamedTuple

from fairmesh.runner.safefiles import open_regular

SUBMITTED = "submitted"
QUEUED = "queued"
FINISHED = "finished"
FAILED = "failed"
BLOCK = 1 << 20  # bytes that are read at once; the file of a long run is a hundred times as large
LONGEST = 1 << 22  # bytes of a line; no event is as long

Name = tuple[str, str]
"""Machine and id of an experiment; a stage has no machine."""


class Item(NamedTuple):
    """The latest event of one kind; of two at the same time, the greater one."""

    time: str = ""
    job_id: str = ""
    reason: str = ""


NOTHING = Item()


class JobEvents(dict[str, Item]):
    """The latest event of each kind for one job; objects are replaced, not changed."""

    __slots__ = ("_is_open", "_job_id")
    _is_open: bool
    _job_id: str

    def latest(self, *events: str) -> Item:
        """Return the latest event of some kinds."""
        newest = NOTHING
        for event in events:
            item = self.get(event)
            if item is not None and item > newest:
                newest = item
        return newest

    @property
    def is_open(self) -> bool:
        """Whether the job was submitted and has not ended since."""
        try:
            return self._is_open
        except AttributeError:  # the first access; a cached_property would take a lock for each
            self._is_open = self.latest(SUBMITTED, QUEUED).time > self.latest(FINISHED, FAILED).time
            return self._is_open

    @property
    def job_id(self) -> str:
        """The scheduler's number of its last submission, empty if it is not known."""
        try:
            return self._job_id
        except AttributeError:
            last = self.latest(QUEUED, FINISHED, FAILED)
            self._job_id = last.job_id if last.time >= self.get(SUBMITTED, NOTHING).time else ""
            return self._job_id


NO_EVENTS = JobEvents()


def add_events(events: Iterable[Mapping[str, Any]], known: dict[Name, JobEvents]) -> None:
    """Add events to those known, in any order."""
    for event in events:
        if not event.get("id"):
            continue
        name = (str(event.get("machine") or ""), str(event["id"]))
        events_of_job = known.get(name, NO_EVENTS)
        item = Item(str(event.get("time") or ""), str(event.get("job_id") or ""), str(event.get("reason") or ""))
        kind = str(event.get("event"))
        if item > events_of_job.get(kind, NOTHING) or kind not in events_of_job:
            known[name] = JobEvents({**events_of_job, kind: item})


class EventLog:
    """The growing file of a run's events, read incrementally."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.jobs: dict[Name, JobEvents] = {}
        self._offset = 0

    def read(self) -> dict[Name, JobEvents]:
        """Read new events; return all of them by machine and id."""
        if not self.path:
            return self.jobs
        try:
            with open_regular(self.path) as file:
                file.seek(self._offset)
                for lines in _whole_lines(file):
                    if lines.endswith(b"\n"):
                        add_events(_events(lines), self.jobs)
                    self._offset += len(lines)
        except OSError:
            pass
        return self.jobs


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the rest of a file in blocks of whole lines; an unterminated last line is left for later.

    A block that does not end with a newline is part of a line that is too long, and contains no event.
    """
    rest = b""
    while block := file.read(BLOCK):
        end = block.rfind(b"\n") + 1
        if end:
            yield rest + block[:end]
        rest = block[end:] if end else rest + block
        if len(rest) > LONGEST:
            yield rest
            rest = b""


def _events(block: bytes) -> Iterable[Mapping[str, Any]]:
    """Parse lines of JSON, all at once if they are valid; truncated lines are skipped."""
    lines = [line for line in block.split(b"\n") if line]
    try:
        events = json.loads(b"[" + b",".join(lines) + b"]")
    except (ValueError, RecursionError):
        events = [event for line in lines for event in _one(line)]
    return [event for event in events if isinstance(event, dict)]


def _one(line: bytes) -> list[Any]:
    try:
        return [json.loads(line)]
    except (ValueError, RecursionError):
        return []
