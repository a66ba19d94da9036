"""Fetch results and logs of jobs from a machine: verify them beside their places, and move them there."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.dispatch.client import TargetClient, Wanted
from fairmesh.dispatch.mirror import is_fetched, write_claim
from fairmesh.dispatch.unpacking import UnsafeFilesError, check_paths, unpack
from fairmesh.files import file_sha256
from fairmesh.jobs.paths import JobPaths
from fairmesh.jobs.reading import ShapeError, check_any_status, check_environment, check_record, read_checked
from fairmesh.machines.transport import RequestError
from fairmesh.runner import jsonfiles, manifest
from fairmesh.runner.protocol import ATTEMPTS, CLAIMS, COMMIT, DONE, ENVIRONMENTS, FORMAT, STATUS
from fairmesh.runner.safefiles import read_regular
from fairmesh.runner.status import write_end

_LARGEST_COMMIT, _LARGEST_STATUS = 16 << 20, 1 << 20  # bytes


@dataclass(frozen=True)
class Fetch:
    """An attempt to fetch.

    Parameters
    ----------
    paths : JobPaths
        The local job folder.
    fingerprint : str
        The planned fingerprint.
    record : Path
        The file that gets a copy of the commit.
    number : int
        The number of the attempt.
    is_committed : bool
        Whether it has made the result.
    state, reason : str
        How it has ended, where its runner could not write that.
    """

    paths: JobPaths
    fingerprint: str
    record: Path
    number: int
    is_committed: bool
    state: str = DONE
    reason: str = ""


class Fetcher:
    """Fetches attempts from one computer.

    Parameters
    ----------
    client : TargetClient
        Sends the requests.
    results : Path
        The local results folder.
    beside : Path
        A path in the folder of the study, for the files before they are verified.
    machine : str
        The name of the machine.
    """

    def __init__(self, client: TargetClient, results: Path, beside: Path, machine: str) -> None:
        self._client, self._results, self._beside, self._machine = client, results, beside, machine

    def fetch(self, attempts: Sequence[Fetch]) -> None:
        """Fetch attempts that have ended, with the commits of those that made a result.

        Raises
        ------
        UnreachableError, RequestError
            If they did not arrive whole.
        UnsafeFilesError
            If they are not what the runner makes of these jobs.
        OSError
            If they cannot be written here.
        """
        wanted = [Wanted(self._folder(fetch), [fetch.number], _present(self._results, fetch)) for fetch in attempts]
        is_partial = not any(fetch.is_committed for fetch in attempts)
        with self._receive(wanted, is_partial) as files:
            for fetch in attempts:
                self._complete(fetch, files)
            for fetch in attempts:
                self._check(fetch, files)
            for fetch in attempts:
                self._install(fetch, files)

    def fetch_running(self, attempts: Sequence[Fetch]) -> None:
        """Fetch the files of running attempts as they are now, so that another computer can go on from them.

        The errors are those of `fetch`.
        """
        wanted = [Wanted(self._folder(fetch), [fetch.number], _present(self._results, fetch)) for fetch in attempts]
        with self._receive(wanted, is_partial=True) as files:
            for path in files.paths:
                if Path(path).name != STATUS and f"/{ATTEMPTS}/" in path:
                    target = self._results / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    (files.folder / path).replace(target)

    def _folder(self, fetch: Fetch) -> str:
        return self._client.relative(fetch.paths.folder)

    @contextmanager
    def _receive(self, wanted: Sequence[Wanted], is_partial: bool) -> Iterator[_Received]:
        """Receive files into a temporary folder."""
        beside = Path(jsonfiles.half_path(str(self._beside)))
        shutil.rmtree(beside, ignore_errors=True)
        (beside / "files").mkdir(parents=True)
        try:
            archive = beside / "files.tar"
            hashes = self._client.fetch(wanted, archive, is_partial)
            check_paths(hashes, tuple(prefix for job in wanted for prefix in _allowed(job, is_partial)))
            has = {path: sha256 for job in wanted for path, sha256 in job.has.items() if hashes.get(path) == sha256}
            paths = unpack(archive, beside / "files", hashes) if archive.exists() else set()
            archive.unlink(missing_ok=True)
            missing = hashes.keys() - paths - has.keys()
            if missing:
                raise RequestError(f"{min(missing)!a} did not arrive")
            yield _Received(beside / "files", hashes, paths)
        finally:
            shutil.rmtree(beside, ignore_errors=True)

    def _complete(self, fetch: Fetch, files: _Received) -> None:
        """Add the files of an attempt that were here already, as further names of the same files."""
        prefix = f"{self._folder(fetch)}/{ATTEMPTS}/{fetch.number}/"
        for path in [path for path in files.hashes if path.startswith(prefix) and path not in files.paths]:
            target = files.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(self._results / path, target)
            if file_sha256(target) != files.hashes[path]:
                raise RequestError(f"{path!a} has changed here")

    def _check(self, fetch: Fetch, files: _Received) -> None:
        """Check that a commit is that of the planned job and fits the files."""
        if not fetch.is_committed:
            return
        folder = self._folder(fetch)
        try:
            commit = files.read_map(f"{folder}/{COMMIT}")
            check_record(commit)
            problem = _problem(commit, fetch) or _problem_of_files(commit, folder, files.hashes)
            digest = str(commit.get("environment") or "")
            if digest:
                _check_environment(files, digest)
        except (ShapeError, ValueError, OSError) as error:
            problem = str(error)
        if problem:
            raise UnsafeFilesError(f"it sends a result of {fetch.paths.folder.name} that is not valid: {problem}")

    def _is_here(self, fetch: Fetch, files: _Received) -> bool:
        """Return whether the folder of an attempt is complete already."""
        prefix = f"{self._folder(fetch)}/{ATTEMPTS}/{fetch.number}/"
        new = [path for path in files.paths if path.startswith(prefix) and path != prefix + STATUS]
        return not new and is_fetched(fetch.paths, fetch.number)

    def _install(self, fetch: Fetch, files: _Received) -> None:
        """Move an attempt into place, then its commit, which completes the job, and the record."""
        folder = self._folder(fetch)
        attempt = files.folder / folder / ATTEMPTS / str(fetch.number)
        if attempt.is_dir() and not self._is_here(fetch, files):
            status = _sound_status(attempt / STATUS, fetch)
            write_claim(fetch.paths, fetch.number, str(status.get("host") or ""), self._machine)
            _replace_folder(attempt, fetch.paths.attempt(fetch.number), files.folder.parent / "old")
        write_end(str(fetch.paths.folder), fetch.number, fetch.state, fetch.reason)
        if fetch.is_committed:
            commit = read_regular(str(files.folder / folder / COMMIT), _LARGEST_COMMIT)
            for path in files.environments(f"{folder}/{COMMIT}"):
                _move_to_new(path, self._results / ENVIRONMENTS / path.name)
            jsonfiles.write_bytes(str(fetch.paths.commit), commit)
            fetch.record.parent.mkdir(parents=True, exist_ok=True)
            jsonfiles.write_bytes(str(fetch.record), commit)


@dataclass(frozen=True)
class _Received:
    """Verified files in a temporary folder.

    Parameters
    ----------
    folder : Path
        The folder.
    hashes : mapping
        The SHA-256 of all files of the jobs, also of those that were here already.
    paths : set of str
        The files that were received.
    """

    folder: Path
    hashes: Mapping[str, str]
    paths: set[str]

    def read_map(self, path: str) -> dict[str, Any]:
        """Return the JSON map in a file.

        Raises
        ------
        ValueError, OSError
            If there is none.
        """
        content = jsonfiles.parse(read_regular(str(self.folder / path), _LARGEST_COMMIT))
        if not isinstance(content, dict):
            raise ShapeError(f"{Path(path).name} is not a map")
        return content

    def environments(self, commit: str) -> list[Path]:
        """Return the file of the environment of a commit, if it names one."""
        digest = self.read_map(commit).get("environment")
        return [self.folder / ENVIRONMENTS / f"{digest}.json"] if digest else []


def _allowed(job: Wanted, is_partial: bool) -> Iterator[str]:
    """Yield the files, and the folders with a slash, that belong to attempts of a job."""
    for number in job.attempts:
        yield f"{job.folder}/{ATTEMPTS}/{number}/"
        yield f"{job.folder}/{CLAIMS}/{number}"
        yield f"{job.folder}/{CLAIMS}/{number}/owner.json"
    if not is_partial:
        yield f"{job.folder}/{COMMIT}"
        yield f"{ENVIRONMENTS}/"


def _present(results: Path, fetch: Fetch) -> dict[str, str]:
    """Return the SHA-256 of the files of an attempt that are here already."""
    folder = fetch.paths.attempt(fetch.number)
    files = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink() and path.name != STATUS]
    return {path.relative_to(results).as_posix(): file_sha256(path) for path in files}


def _problem(commit: Mapping[str, Any], fetch: Fetch) -> str:
    """Return why a commit is not that of the planned job; empty if it is."""
    planned = jsonfiles.read_map(str(fetch.paths.experiment)) or {}
    expected = {key: planned.get(key) for key in ("study", "machine", "id", "key")}
    expected |= {"fingerprint": fetch.fingerprint, "attempt": fetch.number, "state": DONE}
    wrong = [key for key, value in expected.items() if commit.get(key) != value]
    return (
        f"its {wrong[0]} is {str(commit.get(wrong[0]))[:80]!r}, not {str(expected[wrong[0]])[:80]!r}" if wrong else ""
    )


def _problem_of_files(commit: Mapping[str, Any], folder: str, hashes: Mapping[str, str]) -> str:
    """Return which file of a commit is missing or differs; empty if there is none."""
    listed = commit.get("files")
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        return "its files are not listed"
    prefix = f"{ATTEMPTS}/{commit['attempt']}/"
    for entry in listed:
        path = manifest.path_in(entry)
        if not path.startswith(prefix) or hashes.get(f"{folder}/{path}") != entry.get("sha256"):
            return f"its file {path!a:.200} is missing, or has another checksum"
    return ""


def _check_environment(files: _Received, digest: str) -> None:
    """Check that the environment of a commit was received and fits its name.

    Raises
    ------
    ValueError, OSError
        If it does not.
    """
    content = files.read_map(f"{ENVIRONMENTS}/{digest}.json")
    if hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest() != digest:
        raise ValueError("its environment does not fit the checksum")
    check_environment(content)


def _sound_status(path: Path, fetch: Fetch) -> dict[str, Any]:
    """Return the status of an attempt; one that cannot be read, for instance after a full disk, is replaced."""
    status, _ = read_checked(path, check_any_status, _LARGEST_STATUS)
    if not status:
        ended = {"state": fetch.state, "reason": fetch.reason or "its status.json is damaged"}
        status = {"format": FORMAT, "attempt": fetch.number, "fingerprint": fetch.fingerprint, **ended}
        jsonfiles.write(str(path), status)
    return status


def _replace_folder(source: Path, target: Path, aside: Path) -> None:
    """Move a folder into place; a mirror of it that is there goes first."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        target.rename(aside)
    source.rename(target)
    shutil.rmtree(aside, ignore_errors=True)


def _move_to_new(source: Path, target: Path) -> None:
    """Move a file to its name, unless that exists: its content follows from the name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        with suppress(FileExistsError):
            jsonfiles.move_to_new(str(source), str(target))


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)
