"""A folder that somebody else filled: no link in it is followed, no name goes elsewhere, no file is larger than it may be."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.runner import jsonfiles

LARGEST = 16 << 20  # bytes of a JSON file about one experiment, which has some kilobytes
LARGEST_PLAN = 64 << 20  # bytes; a plan of 10,000 experiments has 20 MB
_MANY = {b"{": 1 << 20, b"[": 1 << 20, b",": 1 << 23}  # what takes 30 times as much memory as it has bytes
_SPARSE = 1 << 30  # bytes from which a file must be on the disk, and not only say so
_BLOCK = 1 << 20
_LONGEST = 255  # bytes of a name


class ForeignError(ValueError):
    """What is there cannot be taken; the text says why."""


class OddNameError(ForeignError):
    """A name that is not copied: it is not text in UTF-8, has control characters, or is no name."""


@dataclass(frozen=True)
class Foreign:
    """A folder of somebody else's.

    Parameters
    ----------
    folder : Path
        Where it is; what is below is untrusted, the path itself is not.
    """

    folder: Path

    def names(self, *below: str) -> list[str]:
        """Return what is in a folder below, by name; nothing if there is no such folder, or a link is in the way."""
        try:
            with self._folder(below) as descriptor:
                return sorted(os.listdir(descriptor))  # noqa: PTH208  of a descriptor
        except (OSError, ForeignError):
            return []

    def has(self, *path: str) -> bool:
        """Return whether there is a plain file."""
        try:
            os.close(self._open(path))
        except (OSError, ForeignError):
            return False
        return True

    def read(self, *path: str, largest: int = LARGEST) -> bytes:
        """Read a plain file.

        Raises
        ------
        ForeignError
            If it is none, or too large.
        OSError
            If it cannot be read.
        """
        with os.fdopen(self._open(path), "rb") as file:
            if os.fstat(file.fileno()).st_size > largest:
                raise ForeignError(f"larger than {largest >> 20} MiB")
            return file.read(largest)

    def read_map(self, *path: str, largest: int = LARGEST) -> dict[str, Any]:
        """Read a JSON file that holds a map.

        Raises
        ------
        ForeignError
            If it does not.
        OSError
            If it cannot be read.
        """
        return as_map(self.read(*path, largest=largest))

    def copy(self, path: tuple[str, ...], target: Path | None, size: int) -> str:
        """Copy a plain file of a known size to a new one, or only read it; give its SHA-256.

        Raises
        ------
        ForeignError
            If it is no plain file, of another size, or nearly nothing of a large one is on the disk.
        OSError
            If it cannot be read or written.
        """
        digest = hashlib.sha256()
        with os.fdopen(self._open(path), "rb") as source, _new(target) as copied:
            _check_size(os.fstat(source.fileno()), size)
            while block := source.read(_BLOCK):
                digest.update(block)
                if copied:
                    copied.write(block)
        return digest.hexdigest()

    def _open(self, path: tuple[str, ...]) -> int:
        with self._folder(path[:-1]) as folder:
            # Without waiting: a pipe of that name would never answer.
            found = os.open(_safe(path[-1]), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(found).st_mode):
            os.close(found)
            raise ForeignError("not a plain file")
        return found

    @contextmanager
    def _folder(self, below: tuple[str, ...]) -> Iterator[int]:
        """Open a folder step by step, so that no step is a link."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in below:
                step = os.open(_safe(name), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = step
            yield descriptor
        finally:
            os.close(descriptor)


def _check_size(found: os.stat_result, size: int) -> None:
    if found.st_size != size:
        raise ForeignError("not of the size that its record says")
    stored = found.st_blocks * 512
    if size > _SPARSE and stored < size // 100:
        raise ForeignError(f"it is of {size} bytes, and {stored} of them are on the disk")


def as_map(data: bytes) -> dict[str, Any]:
    """Read a map from JSON.

    Raises
    ------
    ForeignError
        If it is none.
    """
    if any(data.count(sign) > most for sign, most in _MANY.items()):
        raise ForeignError("too many values")
    try:
        found = jsonfiles.parse(data)
    except ValueError as error:
        raise ForeignError(f"not JSON: {error}") from error
    if not isinstance(found, dict):
        raise ForeignError("no map")
    return found


def _safe(name: str) -> str:
    if not name.isprintable() or name in {"", ".", ".."} or "/" in name or len(name.encode()) > _LONGEST:
        raise OddNameError(f"an odd name: {name[:100]!r}")
    return name


@contextmanager
def _new(target: Path | None) -> Iterator[Any]:
    """Open a file that must not be there yet; nothing if there is no target."""
    if target is None:
        yield None
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        yield file
