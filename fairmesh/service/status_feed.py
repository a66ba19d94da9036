"""The status of a study for asynchronous requests, and its changes as numbered events for many listeners."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from fairmesh.api.status_cache import Snapshot, StatusCache
from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.status import JobStatus

USABLE_AGE = 2.5  # seconds for which a snapshot is used while the next one is read
PERIOD = 1.5  # seconds between two snapshots while there are listeners
READERS = 2  # studies that are read at the same time
MAX_EVENTS = 5000  # events kept for clients that reconnect
CHUNK = 100  # events that are sent at once, which is what a slow client holds

Answer = TypeVar("Answer")


class StreamEvent(NamedTuple):
    """An event: its id, its kind, and its data as JSON."""

    id: str
    kind: str
    data: str

    def encode(self) -> bytes:
        """Return the event in the format of server-sent events."""
        return f"id: {self.id}\r\nevent: {self.kind}\r\ndata: {self.data}\r\n\r\n".encode()


class EventChunk(NamedTuple):
    """Encoded events: the id before the first one, the id of the last one, and their number."""

    after: str
    last: str
    data: bytes
    number: int


_NO_CHUNK = EventChunk("", "", b"", 0)


class EventBuffer:
    """The latest events of a study.

    Parameters
    ----------
    size : int
        How many are kept.
    """

    def __init__(self, size: int = MAX_EVENTS) -> None:
        self._prefix = secrets.token_hex(4)  # ids of another process are not valid
        self._events: deque[StreamEvent] = deque(maxlen=size)
        self._count = 0
        self._added = asyncio.Event()
        self._chunk = _NO_CHUNK

    def add(self, kind: str, data: str) -> None:
        """Add an event, and wake the listeners."""
        self._count += 1
        self._events.append(StreamEvent(f"{self._prefix}-{self._count}", kind, data))
        self._added.set()
        self._added = asyncio.Event()

    def clear(self) -> None:
        """Remove all events, and make their ids invalid."""
        self._prefix = secrets.token_hex(4)
        self._events.clear()
        self._chunk = _NO_CHUNK

    @property
    def last_id(self) -> str:
        """The id of the latest event."""
        return f"{self._prefix}-{self._count}"

    def after(self, event_id: str) -> list[StreamEvent] | None:
        """Return the events after an id; None if some of them are gone, or the id is not valid."""
        prefix, _, number = event_id.partition("-")
        if prefix != self._prefix or not number.isascii() or not number.isdigit() or len(number) > 18:
            return None
        missed = self._count - int(number)
        if not 0 <= missed <= len(self._events):
            return None
        return [self._events[index] for index in range(len(self._events) - missed, len(self._events))]

    def chunk(self, event_id: str) -> EventChunk | None:
        """Return the next events after an id, encoded once for all listeners; None like ``after``."""
        chunk = self._chunk
        if chunk.after == event_id and (chunk.last == self.last_id or chunk.number == CHUNK):
            return chunk
        events = self.after(event_id)
        if events is None:
            return None
        events = events[:CHUNK]
        data = b"".join([event.encode() for event in events])
        self._chunk = EventChunk(event_id, events[-1].id if events else event_id, data, len(events))
        return self._chunk

    async def follow(self, event_id: str) -> AsyncIterator[EventChunk | None]:
        """Yield events after an id as they are added; None where some were missed, because there were too many."""
        while True:
            added = self._added
            chunk = self.chunk(event_id)
            if chunk is None:
                yield None
                event_id = self.last_id
            elif chunk.data:
                yield chunk
                event_id = chunk.last
            else:
                await added.wait()


class StatusFeed:
    """The status of one study, for all requests and listeners.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    threads : executor
        Where the study is read.
    """

    def __init__(self, paths: StudyPaths, threads: ThreadPoolExecutor) -> None:
        self.cache = StatusCache(paths)
        self.events = EventBuffer()
        self._threads = threads
        self._lock = asyncio.Lock()
        self._reading: asyncio.Task[Snapshot] | None = None
        self._reading_change = 0
        self._listeners = 0
        self._watch: asyncio.Task[None] | None = None

    async def snapshot(self) -> Snapshot:
        """Return a snapshot of the study, at most ``USABLE_AGE`` old.

        Raises
        ------
        FairmeshError
            If the study has no plan.
        """
        latest = self.cache.latest
        if latest and self.cache.is_fresh:
            return latest
        if self._reading is None or self._reading.done() or self._reading_change != self.cache.changes:
            self._reading_change = self.cache.changes
            self._reading = asyncio.ensure_future(self._read())
            self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())  # mark as retrieved
        if latest and self.cache.age < USABLE_AGE:
            return latest
        return await asyncio.shield(self._reading)

    async def _read(self) -> Snapshot:
        async with self._lock:
            snapshot, events = await self.compute(self._read_now)
            for kind, data in events if self._listeners else ():
                self.events.add(kind, data)
            return snapshot

    def _read_now(self) -> tuple[Snapshot, list[tuple[str, str]]]:
        """Return a fresh snapshot, and the changes since the previous one as events, up to what the buffer keeps."""
        before = self.cache.latest
        snapshot = self.cache.snapshot()
        return snapshot, list(islice(_changes(before, snapshot), MAX_EVENTS + 1)) if before else []

    async def compute(self, function: Callable[..., Answer], *arguments: Any) -> Answer:
        """Run a slow function in a thread, so that other requests are answered meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Snapshot]:
        """Keep reading the study while there are listeners."""
        self._listeners += 1
        try:
            snapshot = await self.snapshot()
            if self._watch is None or self._watch.done():
                self._watch = asyncio.ensure_future(self._keep_reading())
            yield snapshot
        finally:
            self._listeners -= 1

    async def _keep_reading(self) -> None:
        while self._listeners:
            await asyncio.sleep(PERIOD)
            try:
                await self.snapshot()
            except FairmeshError as error:
                self.events.add("trouble", _json({"detail": str(error)}))
        self.events.clear()  # changes from now on are not recorded, so reconnecting clients get a reset


def _changes(before: Snapshot, now: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield the changes between two snapshots as events."""
    if before.status.run != now.status.run:
        yield "run", _json(now.status.run.to_json() if now.status.run else {})
    has_changed = _machine_states(before) != _machine_states(now)
    for job in now.by_key.values():
        previous = before.by_key.get(job.key)
        if previous is not job and _reported(previous) != _reported(job):
            has_changed = True
            yield job.kind, _json(job.to_json())
    if has_changed:
        yield "summary", _json(now.summary)


def _machine_states(snapshot: Snapshot) -> list[tuple[Any, ...]]:
    """Return what is reported of machines; the time of the last answer always changes."""
    return [(machine.machine, machine.state, machine.reason, machine.jobs) for machine in snapshot.status.machines]


def _reported(job: JobStatus | None) -> tuple[Any, ...]:
    """Return the fields whose change is an event; elapsed seconds always change."""
    return (job.state, job.reason, job.progress, job.message, job.attempt, job.host, job.job_id) if job else ()


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


class StatusFeeds:
    """The feeds of all studies that were requested."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(READERS, "status")
        self._feeds: OrderedDict[StudyPaths, StatusFeed] = OrderedDict()

    def of(self, paths: StudyPaths) -> StatusFeed:
        """Return the feed of a study."""
        if paths not in self._feeds:
            self._feeds[paths] = StatusFeed(paths, self._threads)
        return self._feeds[paths]

    def is_fresh(self, paths: StudyPaths) -> bool:
        """Return whether a study has a fresh snapshot."""
        return paths in self._feeds and self._feeds[paths].cache.is_fresh

    def forget(self, paths: StudyPaths) -> None:
        """Read a study again before the next answer."""
        if paths in self._feeds:
            self._feeds[paths].cache.forget()
