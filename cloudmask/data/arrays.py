"""Array files (.npy) that are written block by block and checked before they are used.

The size is compared at every opening. The SHA-256 of all bytes, a second or two for 3 GB, is compared at the first
opening of a file that came here or changed since, and the outcome remembered beside the arrays: hashing 23 GB anew
for each of a hundred experiments would be as costly as it is useless.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from cloudmask.errors import CloudmaskError
from cloudmask.files import read_json, reason, write_json

VERIFIED = ".verified.json"  # what was hashed: name -> mark
_THREADS = 4

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Entry:
    """What is known of an array file."""

    shape: tuple[int, ...]
    dtype: str
    bytes: int
    sha256: str

    @classmethod
    def read(cls, value: Any) -> Entry:
        """Read what `asdict` gave; raises KeyError or TypeError if it is something else."""
        return cls(tuple(map(int, value["shape"])), str(value["dtype"]), int(value["bytes"]), str(value["sha256"]))


class ArrayWriter:
    """An array file that is written block by block and hashed meanwhile.

    Parameters
    ----------
    path : Path
        Where to write.
    shape : tuple of int
        Expected shape; the file may end up with fewer rows.
    dtype : type
        As `numpy.dtype` takes it.

    Raises
    ------
    CloudmaskError
        If the disk is full or for another reason takes no more.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._path, self._rows = path, 0
        with self._errors():
            self._array = npy.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
            with path.open("r+b") as file:
                # Room for all of it now: a disk that is full later would kill the process.
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
                self._hash = hashlib.sha256(file.read(self._array.offset))

    def append(self, block: Array) -> None:
        """Add rows; they must be of the shape and type that was announced."""
        end = self._rows + len(block)
        if block.dtype != self._array.dtype or block.shape[1:] != self._array.shape[1:] or end > len(self._array):
            raise ValueError(f"{block.shape}, {block.dtype} do not fit {self._array.shape}, {self._array.dtype}")
        self._array[self._rows : end] = block
        self._hash.update(np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)
        self._rows = end

    def finish(self) -> Entry:
        """Write everything to the disk; return what was written."""
        shape, dtype = (self._rows, *self._array.shape[1:]), self._array.dtype
        with self._errors():
            self._array.flush()
            digest = self._hash.hexdigest() if self._rows == len(self._array) else self._shorten(shape)
        return Entry(shape, dtype.str, self._path.stat().st_size, digest)

    def _shorten(self, shape: tuple[int, ...]) -> str:
        """Cut off the rows that are missing; the header has room for any number. Return the new SHA-256."""
        with self._path.open("r+b") as file:
            description = {"descr": self._array.dtype.str, "fortran_order": False, "shape": shape}
            npy.write_array_header_1_0(file, description)
            file.truncate(self._array.offset + self._array[: self._rows].nbytes)
            os.fsync(file.fileno())
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise CloudmaskError(f"{self._path.parent}: the store cannot be written: {reason(error)}") from None


def open_arrays(folder: Path, entries: dict[str, Entry]) -> list[Array]:
    """Open array files as read-only memory maps after a check.

    Parameters
    ----------
    entries : dict
        What each file, by its name in the folder, must be.

    Raises
    ------
    CloudmaskError
        If a file is missing, of another size, or does not have its SHA-256.
    """
    for name, entry in entries.items():
        path = folder / name
        size = path.stat().st_size if path.is_file() else 0
        if size != entry.bytes:
            raise CloudmaskError(f"{path}: not a whole array: {size} bytes in place of {entry.bytes}")
    verify(folder, entries)
    return [_mapped(folder / name, entry) for name, entry in entries.items()]


def _mapped(path: Path, entry: Entry) -> Array:
    try:
        array: Array = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise CloudmaskError(f"{path}: not a whole array: {error}") from None
    if array.shape != entry.shape or array.dtype != entry.dtype:
        raise CloudmaskError(f"{path}: has shape {array.shape} and type {array.dtype}, not what the store says")
    return array


def verify(folder: Path, entries: dict[str, Entry]) -> None:
    """Compare the SHA-256 of the files that were not compared since they came here; remember those that are right."""
    remembered = _remembered(folder)
    marks = {name: [*_mark(folder / name), entry.sha256] for name, entry in entries.items()}
    fresh = [name for name, mark in marks.items() if remembered.get(name) != mark]
    if not fresh:
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = dict(zip(fresh, pool.map(_sha256, (folder / name for name in fresh)), strict=True))
    damaged = [name for name in fresh if digests[name] != entries[name].sha256]
    if damaged:
        raise CloudmaskError(f"{folder / damaged[0]}: does not have its SHA-256: damaged since it was written")
    with suppress(CloudmaskError):  # a folder that may only be read is hashed each time
        write_json(folder / VERIFIED, remembered | {name: marks[name] for name in fresh})


def _mark(path: Path) -> list[int]:
    """Return attributes of a file that change whenever it does."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _remembered(folder: Path) -> dict[str, Any]:
    try:
        record = read_json(folder / VERIFIED)
    except (CloudmaskError, OSError):
        return {}
    return record if isinstance(record, dict) else {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
