"""Files to store on a machine, with their checksums, and the archive in which they travel."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from fairmesh.dispatch.remote_job import ApplicationFiles, NeededStage
from fairmesh.errors import FairmeshError
from fairmesh.files import file_sha256
from fairmesh.jobs.paths import JobPaths
from fairmesh.runner import commit, manifest, protocol
from fairmesh.runner.safefiles import open_regular, read_regular

_PLAIN, _PROGRAM = 0o644, 0o755


@dataclass(frozen=True)
class _File:
    """One file: its content, or where it is; and whether it can be executed."""

    content: bytes | Path
    is_program: bool = False


@dataclass
class Upload:
    """Files to store on a machine.

    Parameters
    ----------
    results : Path
        The local results folder, to which the paths are relative, as they are on the machine to its home.
    """

    results: Path
    _folders: dict[str, bool] = field(default_factory=dict)
    _files: dict[str, _File] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The files, relative to the results folder."""
        return list(self._files)

    def to_json(self) -> dict[str, Any]:
        """Return the folders and the checksums for the request."""
        folders = [{"path": path, "is_whole": is_whole} for path, is_whole in self._folders.items()]
        return {"folders": folders, "files": self._hashes}

    def add_job(self, paths: JobPaths) -> None:
        """Add the inputs of a job folder.

        Raises
        ------
        FairmeshError
            If one cannot be read.
        """
        folder = self._relative(paths.folder)
        self._folders[folder] = False
        for path in (paths.config, paths.script, paths.experiment):
            self._add_content(f"{folder}/{path.name}", _read(path), is_program=path == paths.script)

    def add_attempts(self, paths: JobPaths, numbers: Sequence[int]) -> None:
        """Add the files of earlier attempts, from which a program may go on."""
        self._folders[self._relative(paths.folder)] = False
        for number in numbers:
            self._add_files(paths.attempt(number))

    def add_end(self, paths: JobPaths, number: int) -> None:
        """Add the status of an attempt that was given up here."""
        self._folders[self._relative(paths.folder)] = False
        path = paths.attempt(number) / protocol.STATUS
        self._add_content(self._relative(path), _read(path))

    def add_stage(self, stage: NeededStage) -> None:
        """Add the result of a stage.

        Raises
        ------
        FairmeshError
            If it is not complete here.
        """
        paths = stage.paths
        result = commit.read(str(paths.folder), stage.fingerprint)
        if result is None or not paths.attempt(int(result["attempt"])).is_dir():
            raise FairmeshError(f"{paths.folder} holds no complete result of this stage; it must be made again")
        folder = self._relative(paths.folder)
        self._folders[folder] = True
        known = _listed_hashes(result)
        for path in (paths.commit, paths.experiment):
            self._add_content(f"{folder}/{path.name}", _read(path))
        self._add_files(paths.attempt(int(result["attempt"])), {f"{folder}/{name}": known[name] for name in known})

    def add_application(self, application: ApplicationFiles) -> None:
        """Add the code of an application."""
        self._folders[application.target] = True
        for path in application.files:
            name = f"{application.target}/{path.relative_to(application.folder).as_posix()}"
            self._add_content(name, _read(path), is_program=bool(path.stat().st_mode & 0o100))

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.results).as_posix()

    def _add_content(self, name: str, content: bytes, is_program: bool = False) -> None:
        self._files[name] = _File(content, is_program)
        self._hashes[name] = hashlib.sha256(content).hexdigest()

    def _add_files(self, folder: Path, known: dict[str, str] | None = None) -> None:
        """Add all files of a folder; those of known checksums are not read before they are sent."""
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                name = self._relative(path)
                self._files[name] = _File(path, bool(path.stat().st_mode & 0o100))
                self._hashes[name] = (known or {}).get(name) or file_sha256(path)

    def write(self, stream: BinaryIO) -> None:
        """Write the archive."""
        with tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for name, file in self._files.items():
                entry = tarfile.TarInfo(name)
                entry.mode = _PROGRAM if file.is_program else _PLAIN
                if isinstance(file.content, bytes):
                    entry.size = len(file.content)
                    archive.addfile(entry, io.BytesIO(file.content))
                else:
                    entry.size = file.content.stat().st_size
                    with open_regular(str(file.content)) as source:
                        archive.addfile(entry, source)


def _listed_hashes(result: dict[str, Any]) -> dict[str, str]:
    """Return the SHA-256 that a commit lists, by path in the job folder."""
    entries = [entry for entry in result.get("files") or () if isinstance(entry, dict)]
    return {manifest.path_in(entry): str(entry.get("sha256")) for entry in entries}


def _read(path: Path) -> bytes:
    try:
        return read_regular(str(path))
    except OSError as error:
        raise FairmeshError(f"{path}: cannot be read: {error.strerror}") from error
