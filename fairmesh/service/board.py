"""How studies stand, read once for everybody who asks within a moment, and told to those who listen."""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from itertools import islice
from typing import Any, TypeVar

from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import StudyPaths
from fairmesh.service.ring import MOST, Ring
from fairmesh.status import JobStatus, Reader, StudyStatus

FRESH = 1.0  # seconds for which a look is as good as new; as long as it takes, where looking is slow
GOOD_ENOUGH = 2.5  # seconds for which a look is shown while the next one is on its way
PERIOD = 1.5  # seconds between the looks for those who listen
ANSWERS = 64  # of a look, kept for those who ask the same
READERS = 2  # looks at once

Answer = TypeVar("Answer")


class Look:
    """How a study stood at one moment, with what was made of it already.

    Parameters
    ----------
    status : StudyStatus
        How it stood.
    taken : float
        When somebody began to look.
    change : int
        How often something had been done to the study by then.
    """

    def __init__(self, status: StudyStatus, taken: float, change: int = 0) -> None:
        self.status = status
        self.taken, self.took, self.change = taken, time.monotonic() - taken, change
        self.by_key: Mapping[str, JobStatus] = {each.key: each for each in status.jobs}
        self.summary = status.summary()
        self._answers: OrderedDict[Hashable, Any] = OrderedDict()

    def knows(self, question: Hashable) -> bool:
        """Return whether something was made for a question already."""
        return question in self._answers

    def answer(self, question: Hashable, make: Callable[[], Answer]) -> Answer:
        """Return what was made for a question, or make it."""
        if question not in self._answers:
            self._answers[question] = make()
            if len(self._answers) > ANSWERS:
                self._answers.popitem(last=False)
        found: Answer = self._answers[question]
        return found


class Board:
    """One study, for all who ask.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    threads : executor
        Where reading happens.
    """

    def __init__(self, paths: StudyPaths, threads: ThreadPoolExecutor) -> None:
        self.paths = paths
        self.ring = Ring()
        self._threads = threads
        self._reader = Reader(paths)
        self._one = asyncio.Lock()
        self._look: Look | None = None
        self._next: asyncio.Task[Look] | None = None
        self._change = self._next_change = 0
        self._listeners = 0
        self._watch: asyncio.Task[None] | None = None

    async def look(self) -> Look:
        """Return how the study stands, as of a moment ago.

        Raises
        ------
        FairmeshError
            If it has no plan.
        """
        if self._look and self.is_fresh:
            return self._look
        if self._next is None or self._next.done() or self._next_change != self._change:
            self._next_change = self._change
            self._next = asyncio.ensure_future(self._read())
            self._next.add_done_callback(lambda task: task.cancelled() or task.exception())  # seen, even if by nobody
        if self._look and self._age < GOOD_ENOUGH:
            return self._look
        return await asyncio.shield(self._next)

    @property
    def is_fresh(self) -> bool:
        """Whether the last look is as good as a new one."""
        return self._look is not None and self._age < max(FRESH, self._look.took)

    @property
    def _age(self) -> float:
        """The seconds since the last look; without an end if something was done to the study after it began."""
        if self._look is None or self._look.change != self._change:
            return float("inf")
        return time.monotonic() - self._look.taken

    async def _read(self) -> Look:
        async with self._one:
            look, events = await self.compute(self._read_now, self._look)
            self._look = look
            for kind, data in events if self._listeners else ():
                self.ring.add(kind, data)
            return look

    async def compute(self, make: Callable[..., Answer], *arguments: Any) -> Answer:
        """Compute what takes a while, beside those who are answered meanwhile."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, make, *arguments)

    def _read_now(self, before: Look | None) -> tuple[Look, list[tuple[str, str]]]:
        """Look, and give what has happened since as events, no more than the ring keeps."""
        begin, change = time.monotonic(), self._change
        look = Look(self._reader.read(), begin, change)
        return look, list(islice(_happened(before, look), MOST + 1)) if before else []

    def forget(self) -> None:
        """Read anew when somebody asks next: something was done to the study just now, by whatever thread."""
        self._change += 1

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Look]:
        """Keep looking as long as somebody listens."""
        self._listeners += 1
        try:
            look = await self.look()
            if self._watch is None or self._watch.done():
                self._watch = asyncio.ensure_future(self._keep_looking())
            yield look
        finally:
            self._listeners -= 1

    async def _keep_looking(self) -> None:
        while self._listeners:
            await asyncio.sleep(PERIOD)
            try:
                await self.look()
            except FairmeshError as error:
                self.ring.add("trouble", _json({"detail": str(error)}))
        self.ring.clear()  # nobody looked on; who comes back is told that something is missing


def _happened(before: Look, now: Look) -> Iterator[tuple[str, str]]:
    """Yield what has changed between two looks, as events."""
    if before.status.run != now.status.run:
        yield "run", _json(now.status.run.to_json() if now.status.run else {})
    told = False
    for each in now.by_key.values():
        was = before.by_key.get(each.key)
        if was is not each and _core(was) != _core(each):
            told = True
            yield each.kind, _json(each.to_json())
    if told:
        yield "summary", _json(now.summary)


def _core(job: JobStatus | None) -> tuple[Any, ...]:
    """Return what makes a change worth telling: seconds pass anyway."""
    return (job.state, job.reason, job.progress, job.message, job.attempt, job.host, job.job_id) if job else ()


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


class Boards:
    """The boards of all studies that somebody asked for."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(READERS, "look")
        self._boards: OrderedDict[StudyPaths, Board] = OrderedDict()

    def of(self, paths: StudyPaths) -> Board:
        """Return the board of a study."""
        if paths not in self._boards:
            self._boards[paths] = Board(paths, self._threads)
        return self._boards[paths]

    def is_fresh(self, paths: StudyPaths) -> bool:
        """Whether somebody looked at a study a moment ago."""
        return paths in self._boards and self._boards[paths].is_fresh

    def forget(self, paths: StudyPaths) -> None:
        """Look anew at a study, if anybody looked at it before."""
        if paths in self._boards:
            self._boards[paths].forget()
