"""What is already there for a job: a good commit, a living claim, or an attempt whose runner is gone."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

from fairmesh.jobs.paths import JobPaths
from fairmesh.runner import commit, jsonfiles, protocol
from fairmesh.runner.claims import Claims
from fairmesh.runner.status import write_end

STALE = ".stale"


class Found(Enum):
    """What a job folder holds for a planned fingerprint."""

    NOTHING = "nothing"
    COMMIT = "a good commit"
    LIVING = "a living attempt of the same fingerprint"


def look(paths: JobPaths, fingerprint: str) -> Found:
    """Tell what is already there for a job of this fingerprint."""
    if not paths.folder.exists():
        return Found.NOTHING
    if commit.read(str(paths.folder), fingerprint):
        return Found.COMMIT
    number = Claims(str(paths.folder)).living()
    if number and _fingerprint(paths.attempt(number) / protocol.EXPERIMENT) == fingerprint:
        return Found.LIVING
    return Found.NOTHING


def is_current(record: Path, fingerprint: str) -> bool:
    """Tell whether a record, or a stage's marker, is one of this fingerprint; no record is not current."""
    return _fingerprint(record) == fingerprint


def _fingerprint(path: Path) -> str:
    return str((jsonfiles.read_map(str(path)) or {}).get("fingerprint", ""))


def move_aside(path: Path) -> None:
    """Rename a file that no longer counts; nothing is lost."""
    path.replace(_aside(path, _fingerprint(path)))


def bring_back(path: Path, fingerprint: str) -> bool:
    """Rename a file that was moved aside back if it is one of this fingerprint; tell whether it was."""
    aside = _aside(path, fingerprint)
    if not is_current(aside, fingerprint):
        return False
    aside.replace(path)
    return True


def _aside(path: Path, fingerprint: str) -> Path:
    return path.with_name(f"{path.name}.{fingerprint[:12]}{STALE}")


def settle(paths: JobPaths) -> None:
    """Say of the last attempt, if its runner is proven to be gone without an end, that it is lost."""
    _end(paths, protocol.LOST, "its runner was killed")


def tidy(paths: JobPaths) -> None:
    """Say of a committed attempt whose runner was killed right after the commit that it is done."""
    _end(paths, protocol.DONE)


def _end(paths: JobPaths, state: str, reason: str = "") -> None:
    claims = Claims(str(paths.folder))
    number = claims.highest()
    if number and claims.is_over(number):
        claims.end_leftovers(number)
        write_end(str(paths.folder), number, state, reason)
