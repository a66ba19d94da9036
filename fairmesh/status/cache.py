"""Cache values derived from files, and compute them again when a file changes.

A file or a folder that changes twice within one tick of its file system's clock can look the same after both changes.
A value is therefore reused only if its files have been unchanged for ``SETTLED`` seconds of this process's clock.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from fairmesh.jobs.reading import ShapeError
from fairmesh.runner import jsonfiles
from fairmesh.runner.safefiles import read_regular

Map = Mapping[str, Any]
NOTHING: Map = {}
SETTLED = 2.0  # seconds: the tick of FAT, the slowest clock; NFS and ext3 have one second
LARGEST = 16 << 20  # bytes of a file of one job; usual are some kilobytes

Stamp = tuple[int, int, int, int]
Value = TypeVar("Value")


def stamp(path: str) -> Stamp | None:
    """Return inode, size and times of a file or folder; None if it does not exist."""
    try:
        status = os.stat(path)  # noqa: PTH116  called ten thousand times in a row
    except OSError:
        return None
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


class Dependencies:
    """The files and folders that a value is derived from, each stamped before it is read.

    Parameters
    ----------
    is_cached : bool
        Whether the value is kept; otherwise nothing is stamped.
    """

    __slots__ = ("_is_cached", "has_failed", "problems", "stamps")

    def __init__(self, is_cached: bool = True) -> None:
        self._is_cached = is_cached
        self.stamps: list[tuple[str, Stamp | None]] = []
        self.problems: Mapping[str, str] = NOTHING
        self.has_failed = not is_cached

    def add(self, path: str) -> bool:
        """Stamp a file or folder before it is read; return whether it exists."""
        if not self._is_cached:
            return True
        now = stamp(path)
        self.stamps.append((path, now))
        return now is not None

    def is_unchanged(self) -> bool:
        """Return whether all stamps are as they were."""
        for path, before in self.stamps:  # noqa: SIM110  twice as fast as all()
            if stamp(path) != before:
                return False
        return True

    def names(self, folder: str) -> frozenset[str]:
        """Return the names in a folder; none if it cannot be listed."""
        exists = self.add(folder)
        try:
            return frozenset(os.listdir(folder)) if exists else frozenset()  # noqa: PTH208  as above
        except (FileNotFoundError, NotADirectoryError):
            return frozenset()
        except OSError:
            self.has_failed = True
            return frozenset()

    def numbers(self, folder: str) -> list[int]:
        """Return the names in a folder that are numbers."""
        return [int(name) for name in self.names(folder) if name.isdecimal()]

    def read(self, path: str, limit: int = LARGEST, follow_links: bool = False) -> Map:
        """Return the map in a file; an empty one if the file does not exist, or is invalid; problems are recorded."""
        exists = self.add(path)
        try:
            return _read_map(path, limit, follow_links) if exists else NOTHING
        except (FileNotFoundError, NotADirectoryError):
            return NOTHING
        except ValueError as error:
            self.add_problem(path, str(error))
        except OSError as error:
            self.has_failed = True
            self.add_problem(path, error.strerror or str(error))
        return NOTHING

    def add_problem(self, path: str, why: str) -> None:
        """Record why an existing file cannot be used."""
        self.problems = {**self.problems, path: why}


class CachedValue(Generic[Value]):
    """A value derived from files, and cached as long as they do not change.

    Parameters
    ----------
    is_cached : bool
        Whether the value is read more than once.
    """

    __slots__ = ("_dependencies", "_is_cached", "_since", "is_stable", "makes", "value")

    value: Value

    def __init__(self, is_cached: bool) -> None:
        self._is_cached = is_cached
        self._dependencies: Dependencies | None = None
        self._since = 0.0
        self.is_stable = False
        self.makes = 0

    @property
    def problems(self) -> Map:
        """The reasons why files could not be used for the value, by path."""
        return self._dependencies.problems if self._dependencies else NOTHING

    def forget(self) -> None:
        """Discard the value, so that the next call of ``get`` computes it."""
        self.is_stable = False

    def get(self, make: Callable[[Dependencies], Value]) -> Value:
        """Return the value; the same object as before if it is equal."""
        if self.is_stable and self._dependencies is not None and self._dependencies.is_unchanged():
            return self.value
        return self._make(make)

    def _make(self, make: Callable[[Dependencies], Value]) -> Value:
        begin, before = time.monotonic(), self._dependencies
        dependencies = self._dependencies = Dependencies(self._is_cached)
        value = make(dependencies)
        if before is None or dependencies.stamps != before.stamps:
            self._since = time.monotonic()
        if before is None or value != self.value:
            self.value = value
        self.is_stable = not dependencies.has_failed and begin - self._since >= SETTLED
        self.makes += 1
        return self.value


class FileCache:
    """The maps in files, by path.

    Parameters
    ----------
    is_cached : bool
        Whether they are read more than once.
    """

    def __init__(self, is_cached: bool) -> None:
        self._is_cached = is_cached
        self._values: dict[str, CachedValue[Map]] = {}

    def read(self, path: str, limit: int = LARGEST, follow_links: bool = False) -> Map:
        """Return the map in a file; an empty one if it cannot be read."""
        value = self._values.setdefault(path, CachedValue(self._is_cached))
        return value.get(lambda dependencies: dependencies.read(path, limit, follow_links))

    @property
    def problems(self) -> dict[str, str]:
        """The reasons why files could not be read the last time, by path."""
        return {path: why for value in self._values.values() for path, why in value.problems.items()}


def only(content: Map, names: Iterable[str]) -> Map:
    """Return some keys of a map."""
    return {name: content[name] for name in names if name in content}


def _read_map(path: str, limit: int, follow_links: bool) -> Map:
    content = jsonfiles.parse(read_regular(path, limit, follow_links))
    if not isinstance(content, dict):
        raise ShapeError("not a map")
    return content
