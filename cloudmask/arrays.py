"""Array files (.npy) that grow block by block, are hashed while they grow, and are checked before they are used.

The size is compared at every opening. The SHA-256 of all bytes, a second or two for 3 GB, is compared at the first
opening of a file that came here or changed since, and the outcome remembered beside the arrays: hashing 23 GB anew
for each of a hundred experiments would be as costly as it is useless.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
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


class Growing:
    """An array on its way to the disk, one block of rows after another.

    Parameters
    ----------
    part : Path
        Where to write.
    shape : tuple of int
        Expected shape; the number of rows may turn out otherwise.
    dtype : type
        As `numpy.dtype` takes it.

    Raises
    ------
    CloudmaskError
        From all methods, if the disk is full or for another reason takes no more.
    """

    def __init__(self, part: Path, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self._part, self._expected, self._row, self._dtype = part, shape[0], shape[1:], np.dtype(dtype)
        self._rows = 0
        self._hash = hashlib.sha256()
        self._file = part.open("w+b")
        self._put(self._header(self._expected))

    def append(self, block: Array) -> None:
        """Add rows; they must be of the shape and type that was announced."""
        if block.shape[1:] != self._row or block.dtype != self._dtype:
            raise ValueError(f"{block.shape}, {block.dtype} in place of {self._row}, {self._dtype}")
        self._put(np.ascontiguousarray(block).reshape(-1).view(np.uint8).data)
        self._rows += len(block)

    def finish(self) -> Entry:
        """Bring all to the disk; give what was written."""
        if self._rows != self._expected:
            self._amend()
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            size = self._part.stat().st_size
            self._file.close()
        except OSError as error:
            raise self._full(error) from None
        return Entry((self._rows, *self._row), self._dtype.str, size, self._hash.hexdigest())

    def close(self) -> None:
        """Let go of the file, whatever state it is in."""
        with suppress(OSError):
            self._file.close()

    def _amend(self) -> None:
        """Write the true number of rows into the header, which has room for it, and hash anew."""
        try:
            self._file.flush()
            self._file.seek(0)
            self._file.write(self._header(self._rows))
            self._file.flush()
            self._file.seek(0)
            self._hash = hashlib.file_digest(self._file, "sha256")
        except OSError as error:
            raise self._full(error) from None

    def _header(self, rows: int) -> bytes:
        header = BytesIO()
        description = {"descr": self._dtype.str, "fortran_order": False, "shape": (rows, *self._row)}
        npy.write_array_header_1_0(header, description)
        return header.getvalue()

    def _put(self, data: bytes | memoryview) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise self._full(error) from None
        self._hash.update(data)

    def _full(self, error: OSError) -> CloudmaskError:
        return CloudmaskError(f"{self._part.parent}: the store cannot be written: {reason(error)}")


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
        found = dict(zip(fresh, pool.map(_sha256, (folder / name for name in fresh)), strict=True))
    damaged = [name for name in fresh if found[name] != entries[name].sha256]
    if damaged:
        raise CloudmaskError(f"{folder / damaged[0]}: does not have its SHA-256: damaged since it was written")
    with suppress(CloudmaskError):  # a folder that may only be read is hashed each time
        write_json(folder / VERIFIED, remembered | {name: marks[name] for name in fresh})


def _mark(path: Path) -> list[int]:
    """Return what changes whenever a file does."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _remembered(folder: Path) -> dict[str, Any]:
    try:
        found = read_json(folder / VERIFIED)
    except (CloudmaskError, OSError):
        return {}
    return found if isinstance(found, dict) else {}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
