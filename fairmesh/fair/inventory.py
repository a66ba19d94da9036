"""The files of a package: path, SHA-256, size and media type, and problems with them."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from fairmesh.files import file_sha256
from fairmesh.runner.manifest import entry as entry_of
from fairmesh.runner.manifest import is_text, path_in
from fairmesh.runner.provenance import manifest_sha256
from fairmesh.runner.text import printable

MEDIA_TYPES = {
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".html": "text/html",
    ".cff": "application/yaml",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".sh": "application/x-sh",
    ".py": "text/x-python",
    ".h5": "application/x-hdf5",
    ".hdf5": "application/x-hdf5",
    ".nc": "application/x-netcdf",
    ".npz": "application/zip",
    ".zip": "application/zip",
    ".pyz": "application/zip",
    ".gz": "application/gzip",
    ".parquet": "application/vnd.apache.parquet",
    ".keras": "application/zip",
    ".xml": "application/xml",
    ".bin": "application/octet-stream",
    ".npy": "application/octet-stream",
    ".pb": "application/octet-stream",
    ".pt": "application/octet-stream",
}
"""Media types by ending."""
TEXT, BYTES = "text/plain", "application/octet-stream"
_TEXTS = {"", ".log", ".txt", ".mllog", ".smk", ".jinja", ".toml", ".cfg", ".lock", ".c", ".cpp", ".h", ".f90", ".jl"}
_SHA256 = re.compile("[0-9a-f]{64}")
_NO_TEXT = "is not named in UTF-8, and is left out"


@dataclass(frozen=True, slots=True)
class File:
    """A file of the package.

    Parameters
    ----------
    path : str
        From the study's folder, with ``/``.
    sha256 : str
        Of its bytes, 64 hex digits.
    bytes : int
        Its size.
    """

    path: str
    sha256: str
    bytes: int

    @property
    def name(self) -> str:
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def id(self) -> str:
        """Its path as a relative address."""
        return address(self.path)

    @property
    def media_type(self) -> str:
        """Its media type."""
        return media_type(self.name)


def address(path: str) -> str:
    """Return a path as a relative address.

    >>> address("tables/a b#.csv")
    'tables/a%20b%23.csv'
    """
    return quote(path, safe="/+=~.,@!$'()*;")


def media_type(name: str) -> str:
    """Return the media type for a file name.

    >>> media_type("job.log"), media_type("a.h5"), media_type("weights.xyz")
    ('text/plain', 'application/x-hdf5', 'application/octet-stream')
    """
    ending = PurePosixPath(name).suffix.lower()
    return MEDIA_TYPES.get(ending) or (TEXT if ending in _TEXTS else BYTES)


@dataclass
class Inventory:
    """The files of a package, and the problems found with them.

    Parameters
    ----------
    folder : Path
        The study's folder.
    """

    folder: Path
    files: dict[str, File] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def add(self, path: str) -> File | None:
        """Add a file and compute its hash; return None if it does not exist."""
        place = self.folder / path
        if not is_text(path):
            self.problems.append(f"{entry_of(path)['path']} {_NO_TEXT}")
            return None
        try:
            status = place.lstat()
            if not stat.S_ISREG(status.st_mode):
                return None
            return self._enter(File(path, file_sha256(place), status.st_size))
        except OSError:
            return None

    def add_tree(self, below: str) -> list[File]:
        """Add all files below a folder, in order."""
        root = self.folder / below
        paths = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
        return list(filter(None, (self.add(str(path.relative_to(self.folder))) for path in paths)))

    def add_recorded(self, below: str, entries: Iterable[dict[str, Any]], whose: str) -> list[File]:
        """Add files with the hashes and sizes of a record, if they exist."""
        files: list[File] = []
        if not (self.folder / below).is_dir():
            self.problems.append(f"{whose}: its folder is gone, with all that its record lists")
            return files
        for entry in entries:
            wrong = self._wrong(below, entry)
            if wrong:
                self.problems.append(f"{whose}: {wrong}")
            else:
                files.append(self._enter(File(f"{below}/{path_in(entry)}", entry["sha256"], entry["bytes"])))
        return files

    def _wrong(self, below: str, entry: Any) -> str:
        """Return what is wrong with an entry or its file; empty if nothing is."""
        try:
            path, size, known = path_in(entry), entry["bytes"], _SHA256.fullmatch(entry["sha256"])
        except (AttributeError, KeyError, TypeError):
            known = None
        if not known or not path or not isinstance(size, int):
            return "an entry of its list of files cannot be read"
        fault = self._fault(below, PurePosixPath(path), size) if is_text(path) else _NO_TEXT
        return f"{printable(entry['path'])} {fault}" if fault else ""

    def _fault(self, below: str, path: PurePosixPath, size: int) -> str:
        if path.is_absolute() or ".." in path.parts:
            return "lies outside of its folder"
        try:
            status = (self.folder / below / path).lstat()
        except (OSError, ValueError):
            return "is missing"
        if not stat.S_ISREG(status.st_mode):
            return "is not a regular file"
        return "" if status.st_size == size else "differs in size from the record"

    def _enter(self, file: File) -> File:
        self.files[file.path] = file
        return file

    def __iter__(self) -> Iterator[File]:
        """Iterate over the files by path."""
        return iter(sorted(self.files.values(), key=lambda file: file.path))


def manifest(files: Iterable[File], below: str = "") -> str:
    """Return one hash for many files, with paths relative to a folder."""
    start = len(below) + 1 if below else 0
    return manifest_sha256((file.path[start:], file.sha256) for file in files)
