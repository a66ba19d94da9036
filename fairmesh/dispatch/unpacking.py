"""Unpack files that a machine sends: regular files with announced names and checksums, and nothing else."""

from __future__ import annotations

import hashlib
import os
import stat
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO

from fairmesh.machines.transport import RefusedError, RequestError

MOST_FILES = 200_000
LONGEST_PATH, LONGEST_NAME = 1000, 255  # bytes
MOST_BYTES = 1 << 42  # of all files of a job
_BLOCK = 1 << 20
_LARGEST_HEADER = 1 << 20  # bytes that are read at once, which a header could make endless


class UnsafeFilesError(RefusedError):
    """Raised if a machine sends what no job makes: paths that lead elsewhere, links, devices, far too much."""


def check_paths(hashes: Mapping[str, str], allowed: tuple[str, ...]) -> None:
    """Check the paths of files before anything is unpacked.

    Parameters
    ----------
    hashes : mapping
        The SHA-256 of each file by its relative path.
    allowed : tuple of str
        Files, and folders with a final slash, in which each path must be.

    Raises
    ------
    UnsafeFilesError
        If a path is not allowed, or there are too many.
    """
    if len(hashes) > MOST_FILES:
        raise UnsafeFilesError(f"it sends {len(hashes)} files, more than {MOST_FILES}")
    for path in hashes:
        problem = _problem_of(path, allowed)
        if problem:
            raise UnsafeFilesError(f"it sends the file {ascii(path)[:200]}, {problem}")
        parents = path.split("/")[:-1]
        if any("/".join(parents[:count]) in hashes for count in range(1, len(parents) + 1)):
            raise UnsafeFilesError(f"it sends the file {ascii(path)[:200]}, below another file")


def _problem_of(path: str, allowed: tuple[str, ...]) -> str:
    names = path.split("/")
    if path.startswith("/") or any(name in {"", ".", ".."} for name in names):
        return "whose path leads elsewhere"
    try:
        lengths = [len(os.fsencode(name)) for name in names]
    except UnicodeEncodeError:
        return "whose name is no name of a file"
    if "\0" in path or max(lengths) > LONGEST_NAME or sum(lengths) + len(lengths) > LONGEST_PATH:
        return "whose name is too long, or holds a zero byte"
    is_allowed = any(path.startswith(prefix) if prefix.endswith("/") else path == prefix for prefix in allowed)
    return "" if is_allowed else "which does not belong to the job"


def unpack(archive: Path, folder: Path, hashes: Mapping[str, str]) -> set[str]:
    """Unpack an archive into an empty folder; return the paths of the files.

    Parameters
    ----------
    archive : Path
        A tar file, not compressed.
    folder : Path
        Where to.
    hashes : mapping
        The SHA-256 of each file by its path; `check_paths` has passed them.

    Raises
    ------
    UnsafeFilesError
        If the archive has anything but announced regular files.
    RequestError
        If it is cut, or a file differs from its checksum.
    """
    seen: set[str] = set()
    try:
        with archive.open("rb") as raw, tarfile.open(fileobj=_Guarded(raw), mode="r:") as members:
            while (member := members.next()) is not None:
                if not member.isdir():
                    _check_member(member, hashes, seen)
                    path, is_program = folder / member.name, bool(member.mode & stat.S_IXUSR)
                    _copy(members.extractfile(member), path, hashes[member.name], is_program)
                    seen.add(member.name)
                members.members = []  # type: ignore[attr-defined] # it would keep all of them
    except (tarfile.TarError, EOFError, UnicodeError, ValueError) as error:
        raise RequestError(f"its files did not arrive whole: {error}") from None
    return seen


def _check_member(member: tarfile.TarInfo, hashes: Mapping[str, str], seen: set[str]) -> None:
    name = ascii(member.name)[:200]
    if member.type not in {tarfile.REGTYPE, tarfile.AREGTYPE} or member.issparse():
        raise UnsafeFilesError(f"its archive has {name}, which is no regular file")
    if member.name not in hashes or member.name in seen:
        raise UnsafeFilesError(f"its archive has {name}, which was not announced")
    if member.size > MOST_BYTES:
        raise UnsafeFilesError(f"its archive has {name} of {member.size} bytes, more than {MOST_BYTES}")


def _copy(source: IO[bytes] | None, path: Path, sha256: str, is_program: bool) -> None:
    digest = hashlib.sha256()
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(path, flags, 0o777 if is_program else 0o666), "wb") as target:
        while source and (block := source.read(_BLOCK)):
            digest.update(block)
            target.write(block)
    if digest.hexdigest() != sha256:
        raise RequestError(f"{path.name!a} did not arrive whole")


class _Guarded:
    """A file whose headers cannot make its reader take much memory.

    Parameters
    ----------
    file : BinaryIO
        The file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        """Return so many bytes."""
        if not 0 <= size <= _LARGEST_HEADER:
            raise UnsafeFilesError("its archive has a header of more than a megabyte")
        return self._file.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
