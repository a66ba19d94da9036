"""Read an untrusted folder: links are not followed, names cannot lead out of it, and file sizes are limited."""

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
_MANY = {b"{": 1 << 20, b"[": 1 << 20, b",": 1 << 23}  # values that need 30 times the memory of their bytes
_SPARSE = 1 << 30  # bytes; larger files must not be sparse
_BLOCK = 1 << 20
_LONGEST = 255  # bytes of a name


class UntrustedFileError(ValueError):
    """A file cannot be used; the message is the reason."""


class UnsafeNameError(UntrustedFileError):
    """A name is not copied: it is empty, too long, not UTF-8, or has control characters or a slash."""


@dataclass(frozen=True)
class UntrustedFolder:
    """An untrusted folder.

    Parameters
    ----------
    folder : Path
        Its path, which is trusted; its content is not.
    """

    folder: Path

    def names(self, *below: str) -> list[str]:
        """Return the sorted names in a subfolder; empty if it does not exist or a link leads to it."""
        try:
            with self._folder(below) as descriptor:
                return sorted(os.listdir(descriptor))  # noqa: PTH208  of a descriptor
        except (OSError, UntrustedFileError):
            return []

    def has(self, *path: str) -> bool:
        """Return whether a path is a regular file."""
        try:
            os.close(self._open(path))
        except (OSError, UntrustedFileError):
            return False
        return True

    def size(self, *path: str) -> int | None:
        """Return the size of a regular file; None if there is none, or it is large and sparse."""
        try:
            descriptor = self._open(path)
        except (OSError, UntrustedFileError):
            return None
        try:
            status = os.fstat(descriptor)
            _check_size(status, status.st_size)
        except UntrustedFileError:
            return None
        finally:
            os.close(descriptor)
        return status.st_size

    def read(self, *path: str, largest: int = LARGEST) -> bytes:
        """Read a regular file.

        Raises
        ------
        UntrustedFileError
            If it is not regular, or too large.
        OSError
            If it cannot be read.
        """
        with os.fdopen(self._open(path), "rb") as file:
            if os.fstat(file.fileno()).st_size > largest:
                raise UntrustedFileError(f"larger than {largest >> 20} MiB")
            return file.read(largest)

    def read_map(self, *path: str, largest: int = LARGEST) -> dict[str, Any]:
        """Read a JSON object from a file.

        Raises
        ------
        UntrustedFileError
            If the file holds something else.
        OSError
            If it cannot be read.
        """
        return as_map(self.read(*path, largest=largest))

    def copy(self, path: tuple[str, ...], target: Path | None, size: int) -> str:
        """Copy a regular file of a known size to a new file, or only read it, and return its SHA-256.

        Raises
        ------
        UntrustedFileError
            If it is not regular, has another size, or is large and sparse.
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
            # Opening a named pipe would block without O_NONBLOCK.
            descriptor = os.open(_safe(path[-1]), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise UntrustedFileError("not a regular file")
        return descriptor

    @contextmanager
    def _folder(self, below: tuple[str, ...]) -> Iterator[int]:
        """Open a subfolder component by component, refusing links."""
        descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for name in below:
                step = os.open(_safe(name), os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = step
            yield descriptor
        finally:
            os.close(descriptor)


def _check_size(status: os.stat_result, size: int) -> None:
    if status.st_size != size:
        raise UntrustedFileError("its size differs from the record")
    stored = status.st_blocks * 512
    if size > _SPARSE and stored < size // 100:
        raise UntrustedFileError(f"it has {size} bytes, of which only {stored} are on the disk")


def as_map(data: bytes) -> dict[str, Any]:
    """Parse a JSON object.

    Raises
    ------
    UntrustedFileError
        If the data is something else.
    """
    if any(data.count(sign) > most for sign, most in _MANY.items()):
        raise UntrustedFileError("too many values")
    try:
        value = jsonfiles.parse(data)
    except ValueError as error:
        raise UntrustedFileError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise UntrustedFileError("not a map")
    return value


def _safe(name: str) -> str:
    if not name.isprintable() or name in {"", ".", ".."} or "/" in name or len(name.encode()) > _LONGEST:
        raise UnsafeNameError(f"unsafe name: {name[:100]!r}")
    return name


@contextmanager
def _new(target: Path | None) -> Iterator[Any]:
    """Create a new file; yield None without a target."""
    if target is None:
        yield None
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        yield file
