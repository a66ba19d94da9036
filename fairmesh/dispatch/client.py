"""Send requests to one computer, and check its answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairmesh.dispatch.answers import RemoteState, read_manifest, read_names, read_states
from fairmesh.dispatch.remote_job import NeededStage
from fairmesh.dispatch.upload import Upload
from fairmesh.machines.rsync import NoRsyncError
from fairmesh.machines.transport import ANSWER, CopiesFiles, Transport
from fairmesh.runner.text import printable


@dataclass(frozen=True)
class Wanted:
    """The files of a job that a computer is to send.

    Parameters
    ----------
    folder : str
        The job folder, relative to the home.
    attempts : sequence of int
        The numbers of attempts.
    has : mapping
        The SHA-256 of the files that are here already, by path relative to the home.
    """

    folder: str
    attempts: Sequence[int]
    has: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ReceivingFolder:
    """A temporary folder on a computer into which another program copies files.

    Parameters
    ----------
    path : str
        Its path, as the computer says.
    program : str
        The path of rsync there, as the computer says; empty if there is none.
    arrived : int
        The bytes that an earlier copy has left there.
    """

    path: str
    program: str
    arrived: int


class TargetClient:
    """Sends requests about the jobs of one home to one computer.

    Parameters
    ----------
    transport : Transport
        Carries the requests.
    home : str
        The name of the home.
    results : Path
        The local results folder, to which the paths in requests are relative.
    timeout : float
        Seconds without any progress after which the computer counts as unreachable.
    """

    def __init__(self, transport: Transport, home: str, results: Path, timeout: float = ANSWER) -> None:
        self._transport, self._home, self._results, self._timeout = transport, home, results, timeout

    @property
    def host(self) -> str:
        """The name of the computer in messages."""
        return self._transport.host

    def relative(self, folder: Path) -> str:
        """Return the path of a folder relative to the home."""
        return folder.relative_to(self._results).as_posix()

    def _call(self, verb: str, **arguments: Any) -> dict[str, Any]:
        return self._transport.call({"verb": verb, "home": self._home, **arguments}, timeout=self._timeout)

    def poll(self, fingerprints: Mapping[str, str]) -> dict[str, RemoteState]:
        """Return the states of jobs; the argument maps their folders to the planned fingerprints."""
        jobs = [{"folder": folder, "fingerprint": fingerprint} for folder, fingerprint in fingerprints.items()]
        return read_states(self._call("poll", jobs=jobs), fingerprints, self.host)

    def start(self, jobs: Sequence[Mapping[str, Any]]) -> dict[str, RemoteState]:
        """Start jobs; return their states."""
        return read_states(self._call("start", jobs=list(jobs)), [job["folder"] for job in jobs], self.host)

    def stored(self, folders: Sequence[str], stages: Sequence[NeededStage]) -> set[str]:
        """Return which of these folders and stages are there, whole."""
        wanted = [{"folder": self.relative(stage.paths.folder), "fingerprint": stage.fingerprint} for stage in stages]
        answer = self._call("has", folders=list(folders), stages=wanted)
        return read_names(answer, "folders", self.host) | read_names(answer, "stages", self.host)

    def store(self, upload: Upload) -> None:
        """Store files."""
        request = {"verb": "store", "home": self._home, **upload.to_json()}
        self._transport.call(request, payload=upload.write, timeout=self._timeout)

    def receive(self, folder: str) -> ReceivingFolder:
        """Return where a whole folder can be copied to by another program."""
        there = self._call("receive", folder=folder)
        arrived = there.get("bytes")
        path, program = str(there.get("path")), str(there.get("program") or "")
        return ReceivingFolder(path, program, arrived if isinstance(arrived, int) else 0)

    def copy(self, place: ReceivingFolder, upload: Upload) -> None:
        """Store a whole folder by rsync; what an earlier copy has sent is not sent again.

        Raises
        ------
        NoRsyncError
            If that is not possible.
        UnreachableError, RefusedError, RequestError
            As for any request.
        """
        if not isinstance(self._transport, CopiesFiles):
            raise NoRsyncError("rsync needs a connection of ssh")
        self._transport.copy_files(self._results, upload.names, place.path, place.program)
        self._call("store", is_copied=True, **upload.to_json())

    def fetch(self, wanted: Sequence[Wanted], save: Path, is_partial: bool = False) -> dict[str, str]:
        """Fetch files of jobs into an archive; return the SHA-256 of all of their files, also those that are here."""
        jobs = [{"folder": job.folder, "attempts": list(job.attempts), "has": dict(job.has)} for job in wanted]
        request = {"verb": "fetch", "home": self._home, "jobs": jobs, "is_partial": is_partial}
        return read_manifest(self._transport.call(request, save=save, timeout=self._timeout), self.host)

    def cancel(self, folders: Sequence[str], who: str) -> None:
        """Cancel jobs."""
        self._call("cancel", jobs=list(folders), who=who)

    def usage(self) -> dict[str, Any]:
        """Return what the folders of the home take, as the computer reports it."""
        return self._call("usage")

    def remove(self, folders: Sequence[str]) -> None:
        """Delete folders of the home; one with an open job is an error."""
        self._call("remove", folders=list(folders))

    def log(self, folder: str, number: int, lines: int) -> list[str]:
        """Return the last lines of the log of an attempt, safe to print."""
        text = self._call("log", folder=folder, number=number, lines=lines).get("lines")
        return [printable(str(line)) for line in text[-lines:]] if isinstance(text, list) else []
