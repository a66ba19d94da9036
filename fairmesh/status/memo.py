"""What was made of files that many look at again and again: it is made anew when one of them changes, and not before.

A file or folder that changes twice within one tick of its file system's clock, which may be seconds long, looks the
same after both. So nothing is relied on before that clock has gone on since, as other files there and the time that
passes here tell: clocks of two hosts are never compared.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from fairmesh.jobs.shapes import ShapeError
from fairmesh.runner import jsonfiles
from fairmesh.runner.safefiles import read_regular

Map = Mapping[str, Any]
NOTHING: Map = {}
TICK = 2.0  # seconds: of FAT, the slowest clock; NFS and ext3 have one second
TICK_NS = int(TICK * 1e9)
LARGEST = 16 << 20  # bytes of a file about one job, which has some kilobytes

Stamp = tuple[int, int, int, int]
Value = TypeVar("Value")


def stamp(path: str) -> Stamp | None:
    """Return what tells a file or folder from what was there before; None if there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116  ten thousand times in a moment
    except OSError:
        return None
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


class Clock:
    """The clock of a file system, as far as the changes that were seen tell its time."""

    def __init__(self) -> None:
        self._latest = 0

    def is_past(self, found: Stamp) -> bool:
        """Return whether the tick of a change is over, so that another change would be stamped otherwise."""
        changed = found[3]
        self._latest = max(self._latest, changed)
        return changed + TICK_NS <= self._latest


class Dependencies:
    """The files and folders that something was made of, each stamped before it was looked at.

    Parameters
    ----------
    clock : Clock or None
        Of their file system; None if nobody will look again: then nothing is stamped.
    """

    __slots__ = ("_clock", "has_failed", "is_certain", "problems", "stamps")

    def __init__(self, clock: Clock | None) -> None:
        self._clock = clock
        self.stamps: list[tuple[str, Stamp | None]] = []
        self.problems: Mapping[str, str] = NOTHING
        self.is_certain = True
        self.has_failed = clock is None

    def look(self, path: str) -> bool:
        """Stamp a file or folder that is looked at next; False if there is none."""
        if self._clock is None:
            return True
        found = stamp(path)
        self.stamps.append((path, found))
        if found and not self._clock.is_past(found):
            self.is_certain = False
        return found is not None

    def is_unchanged(self) -> bool:
        """Return whether everything has the stamp that it had."""
        for path, before in self.stamps:  # noqa: SIM110  twice as fast as all()
            if stamp(path) != before:
                return False
        return True

    def names(self, folder: str) -> frozenset[str]:
        """Return the names of what is in a folder; none if it cannot be listed."""
        is_there = self.look(folder)
        try:
            return frozenset(os.listdir(folder)) if is_there else frozenset()  # noqa: PTH208  as above
        except (FileNotFoundError, NotADirectoryError):
            return frozenset()
        except OSError:
            self.has_failed = True
            return frozenset()

    def numbers(self, folder: str) -> list[int]:
        """Return the numbers that name what is in a folder."""
        return [int(name) for name in self.names(folder) if name.isdecimal()]

    def read(self, path: str, limit: int = LARGEST, follow_links: bool = False) -> Map:
        """Return a file's map; an empty one if there is no file, or it cannot be read, which is then a problem."""
        is_there = self.look(path)
        try:
            return _map(path, limit, follow_links) if is_there else NOTHING
        except (FileNotFoundError, NotADirectoryError):
            return NOTHING
        except ValueError as error:
            self.add_problem(path, str(error))
        except OSError as error:
            self.has_failed = True
            self.add_problem(path, error.strerror or str(error))
        return NOTHING

    def add_problem(self, path: str, why: str) -> None:
        """Note why a file that is there cannot be used."""
        self.problems = {**self.problems, path: why}


class CachedValue(Generic[Value]):
    """A value that is made of files, and kept as long as they stay as they are.

    Parameters
    ----------
    clock : Clock or None
        Of their file system; None if nobody will want it again.
    """

    __slots__ = ("_clock", "_since", "_trail", "is_settled", "makes", "value")

    value: Value

    def __init__(self, clock: Clock | None) -> None:
        self._clock = clock
        self._trail: Dependencies | None = None
        self._since = 0.0
        self.is_settled = False
        self.makes = 0

    def is_unchanged(self) -> bool:
        """Return whether the value is certain to be as its files are."""
        return self.is_settled and self._trail is not None and self._trail.is_unchanged()

    @property
    def problems(self) -> Map:
        """Why files could not be used when the value was made, by their path."""
        return self._trail.problems if self._trail else NOTHING

    def forget(self) -> None:
        """Make the value anew when somebody wants it next."""
        self.is_settled = False

    def get(self, make: Callable[[Dependencies], Value]) -> Value:
        """Return the value, the same object if it is equal to what it was before."""
        return self.value if self.is_unchanged() else self._make(make)

    def _make(self, make: Callable[[Dependencies], Value]) -> Value:
        begin, before = time.monotonic(), self._trail
        trail = self._trail = Dependencies(self._clock)
        value = make(trail)
        if before is None or trail.stamps != before.stamps:
            self._since = time.monotonic()
        if before is None or value != self.value:
            self.value = value
        self.is_settled = not trail.has_failed and (trail.is_certain or begin - self._since >= TICK)
        self.makes += 1
        return self.value


class FileCache:
    """Remembers what files held.

    Parameters
    ----------
    clock : Clock or None
        Of their file system; None if nobody will read them again.
    """

    def __init__(self, clock: Clock | None) -> None:
        self._clock = clock
        self._known: dict[str, CachedValue[Map]] = {}

    def read(self, path: str, limit: int = LARGEST, follow_links: bool = False) -> Map:
        """Return a file's map; an empty one if it cannot be read."""
        kept = self._known.get(path)
        if kept is None:
            kept = self._known[path] = CachedValue(self._clock)
        return kept.get(lambda trail: trail.read(path, limit, follow_links))

    @property
    def problems(self) -> dict[str, str]:
        """Why files could not be read when they were read last, by their path."""
        return {path: why for kept in self._known.values() for path, why in kept.problems.items()}


def only(content: Map, names: Iterable[str]) -> Map:
    """Return some keys of a map."""
    return {name: content[name] for name in names if name in content}


def _map(path: str, limit: int, follow_links: bool) -> Map:
    content = jsonfiles.parse(read_regular(path, limit, follow_links))
    if not isinstance(content, dict):
        raise ShapeError("not a map")
    return content
