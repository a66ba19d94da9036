"""Write the states of jobs on machines into the local job folders, where every reader expects those of local jobs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.dispatch.answers import RemoteState
from fairmesh.jobs.paths import JobPaths
from fairmesh.runner import commit, jsonfiles
from fairmesh.runner.claims import Claims
from fairmesh.runner.protocol import CLAIMS, ENDS, FORMAT, LOST, STATUS
from fairmesh.target.home import remove_half_files

REMOTE = "remote.json"


@dataclass(frozen=True)
class RemotePlace:
    """Where a job was started last and is not fetched from yet: ``remote.json`` in its folder.

    Parameters
    ----------
    machine, computer : str
        The machine, and its computer; empty for a machine that is one host.
    number : int
        The number of the attempt.
    fingerprint : str
        The planned fingerprint of the result.
    record : str
        The file that gets a copy of the commit, relative to the results folder.
    """

    machine: str
    computer: str
    number: int
    fingerprint: str
    record: str

    @classmethod
    def read(cls, paths: JobPaths) -> RemotePlace | None:
        """Return the place of a job; None if there is none."""
        values = jsonfiles.read_map(str(paths.folder / REMOTE)) or {}
        texts = {key: values.get(key) for key in ("machine", "computer", "fingerprint", "record")}
        number = values.get("number")
        if not isinstance(number, int) or not all(isinstance(text, str) for text in texts.values()):
            return None
        if not is_below(str(texts["record"])):
            return None
        return cls(number=number, **{key: str(text) for key, text in texts.items()})

    def write(self, paths: JobPaths) -> None:
        """Write the place of a job before it is started there."""
        content = {"format": FORMAT, **vars(self)}
        if jsonfiles.read_map(str(paths.folder / REMOTE)) != content:
            files.write_json(paths.folder / REMOTE, content, flush=True)

    @staticmethod
    def remove(paths: JobPaths) -> None:
        """Note that everything was fetched, and remove the unfinished files of clients that were killed."""
        (paths.folder / REMOTE).unlink(missing_ok=True)
        for folder in (paths.folder, paths.folder / CLAIMS):
            remove_half_files(str(folder))

    @classmethod
    def remove_if_fetched(cls, paths: JobPaths, fingerprint: str) -> bool:
        """Note that everything was fetched if the result of the last attempt is here; return whether it is."""
        place, result = cls.read(paths), commit.read(str(paths.folder), fingerprint)
        is_here = result is not None and (place is None or place.number <= result.get("attempt", 1))
        if is_here:
            cls.remove(paths)
        return is_here


def is_below(path: str) -> bool:
    """Return whether a relative path stays in the folder that it starts from; results may come from elsewhere."""
    return bool(path) and not path.startswith("/") and ".." not in path.split("/")


def mirror(paths: JobPaths, state: RemoteState, machine: str, fingerprint: str) -> None:
    """Write the claim and the status of the last attempt of a job, if they have changed.

    Parameters
    ----------
    paths : JobPaths
        The local job folder.
    state : RemoteState
        The state of the job on its machine.
    machine : str
        The name of the machine.
    fingerprint : str
        The planned fingerprint.
    """
    if not state.number or state.is_committed or is_fetched(paths, state.number):
        return
    status = status_of(state, machine, fingerprint)
    path = paths.attempt(state.number) / STATUS
    known = jsonfiles.read_map(str(path)) or {}
    if known == status or _is_given_up(known, status):
        return
    write_claim(paths, state.number, str(status.get("host") or ""), machine)
    path.parent.mkdir(parents=True, exist_ok=True)
    jsonfiles.write_bytes(str(path), jsonfiles.encoded(status), flush=False)


def status_of(state: RemoteState, machine: str, fingerprint: str) -> dict[str, Any]:
    """Return the content of status.json for a state; job numbers are marked as those of another scheduler."""
    values = {"fingerprint": fingerprint, **state.status, "state": state.state}
    values["reason"] = state.reason or values.get("reason") or ""
    job_id = f"{machine}:{state.job_id}" if state.job_id else ""
    silence = {"is_silent": True} if state.is_silent else {}
    return {"format": FORMAT, **values, "attempt": state.number, "job_id": job_id, "machine": machine, **silence}


def _is_given_up(known: dict[str, Any], status: dict[str, Any]) -> bool:
    """Return whether a user gave the attempt up here, and it has given no sign of life since."""
    has_ended = known.get("state") == LOST and status["state"] not in ENDS
    return has_ended and known.get("heartbeat") == status.get("heartbeat")


def write_claim(paths: JobPaths, number: int, host: str, machine: str) -> None:
    """Write the claim of an attempt on a machine: without a process, which would be looked for on this host."""
    path = paths.folder / CLAIMS / str(number)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        jsonfiles.write_new(str(path), {"format": FORMAT, "host": host, "machine": machine})


def is_fetched(paths: JobPaths, number: int) -> bool:
    """Return whether an attempt that has ended is here with all of its files."""
    status = jsonfiles.read_map(str(paths.attempt(number) / STATUS)) or {}
    return status.get("state") in ENDS and "machine" not in status


def is_unfinished(paths: JobPaths, number: int) -> bool:
    """Return whether an attempt was seen on its machine, and not its end."""
    status = jsonfiles.read_map(str(paths.attempt(number) / STATUS)) or {}
    return bool(status) and status.get("state") not in ENDS


def was_given_up(paths: JobPaths, number: int) -> bool:
    """Return whether a user gave an attempt up here that may still run on its machine."""
    status = jsonfiles.read_map(str(paths.attempt(number) / STATUS)) or {}
    return status.get("state") == LOST


def highest(paths: JobPaths) -> int:
    """Return the highest number of an attempt that is known here, or 0."""
    return Claims(str(paths.folder)).highest()


def open_places(folder: Path, machine: str) -> list[JobPaths]:
    """Return the job folders of a machine from which something is to be fetched.

    Parameters
    ----------
    folder : Path
        The folder that has those of the machine's experiments, or of an application's stages.
    machine : str
        The name of the machine.
    """
    jobs = [JobPaths(path.parent) for path in sorted(folder.glob(f"*/{REMOTE}"))]
    places = [(job, RemotePlace.read(job)) for job in jobs]
    return [job for job, place in places if place and place.machine == machine]
