"""Array files (.npy) that are written block by block and checked before use.

The size is compared whenever a file is opened. The SHA-256 (a second or two for 3 GB) is compared when a new or changed
file is opened for the first time, and the result is stored beside the arrays, so that a hundred experiments do not hash
23 GB each.
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

VERIFIED = ".verified.json"  # verified files: name -> mark
_THREADS = 4

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Entry:
    """The description of an array file."""

    shape: tuple[int, ...]
    dtype: str
    bytes: int
    sha256: str

    @classmethod
    def read(cls, value: Any) -> Entry:
        """Convert the result of `asdict` back; raises KeyError or TypeError for anything else."""
        return cls(tuple(map(int, value["shape"])), str(value["dtype"]), int(value["bytes"]), str(value["sha256"]))


class ArrayWriter:
    """Writes an array file block by block and computes its hash.

    Parameters
    ----------
    path : Path
        Where to write.
    shape : tuple of int
        Expected shape; the file may end up with fewer rows.
    dtype : type
        Anything that `numpy.dtype` accepts.

    Raises
    ------
    CloudmaskError
        If the file cannot be written, for example because the disk is full.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._path, self._rows = path, 0
        with self._errors():
            self._array = npy.open_memmap(path, mode="w+", dtype=np.dtype(dtype), shape=shape)
            with path.open("r+b") as file:
                # Reserve the space now: writing to a memory map on a full disk kills the process.
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
                self._hash = hashlib.sha256(file.read(self._array.offset))

    def append(self, block: Array) -> None:
        """Append rows; raise ValueError if shape or type do not fit."""
        end = self._rows + len(block)
        if block.dtype != self._array.dtype or block.shape[1:] != self._array.shape[1:] or end > len(self._array):
            raise ValueError(f"{block.shape}, {block.dtype} do not fit {self._array.shape}, {self._array.dtype}")
        self._array[self._rows : end] = block
        self._hash.update(np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)
        self._rows = end

    def finish(self) -> Entry:
        """Flush the file to the disk and return its description."""
        shape, dtype = (self._rows, *self._array.shape[1:]), self._array.dtype
        with self._errors():
            self._array.flush()
            digest = self._hash.hexdigest() if self._rows == len(self._array) else self._shorten(shape)
        return Entry(shape, dtype.str, self._path.stat().st_size, digest)

    def _shorten(self, shape: tuple[int, ...]) -> str:
        """Truncate the file to the rows written, update the header, and return the new SHA-256."""
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
    """Check array files and open them as read-only memory maps.

    Parameters
    ----------
    entries : dict
        The expected descriptions by file name.

    Raises
    ------
    CloudmaskError
        If a file is missing or does not have its size or SHA-256.
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
    """Compare the SHA-256 of new and changed files, and store which are correct."""
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
    with suppress(CloudmaskError):  # files in a read-only folder are hashed each time
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
