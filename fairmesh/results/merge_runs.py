"""Read runs and attempts without a result from an untrusted results folder."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fairmesh.jobs.reading import BAD_ENDS, check, check_ended_status
from fairmesh.results.owners import ResultOwner
from fairmesh.results.untrusted import LARGEST, UntrustedFileError, UntrustedFolder
from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import (
    ATTEMPTS,
    BASELINES,
    CONFIG,
    EVENTS,
    EXPERIMENT,
    EXPERIMENTS,
    FORMAT,
    HISTORY,
    LOG,
    METRICS,
    MLLOG,
    RUN_FILE,
    RUNS,
    STATUS,
    TELEMETRY,
)

ATTEMPT_FILES = (STATUS, CONFIG, EXPERIMENT, LOG, METRICS, BASELINES, HISTORY, TELEMETRY, MLLOG)
"""The files of an attempt without a result that are merged; nothing lists the hashes of others."""

LARGEST_LOG = 64 << 20  # bytes of a log, and of the events of a run
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
_LONGEST_EVENT = 1 << 16  # bytes
_LONGEST = 1000  # characters of a text in run.json
_RUN_TEXTS = ("profile", "started", "ended")
_RUN_SHAPE: Any = {
    **dict.fromkeys(_RUN_TEXTS, str),
    "exit_code": int,
    "selection": dict,
    "versions": {...: str},
    "command": [str],
    "owner": {"host": str},
}


@dataclass(frozen=True)
class SourceAttempt:
    """An attempt without a result in a source folder.

    Parameters
    ----------
    source : UntrustedFolder
        The results folder.
    study, machine, id : str
        The experiment.
    number : int
        The number of the attempt.
    status : dict
        Its last status, which is an end.
    fingerprint : str
        What it computed; empty if unknown.
    owner : ResultOwner
        Whom it belongs to.
    files : dict of str to int
        Its files with their sizes.
    """

    source: UntrustedFolder
    study: str
    machine: str
    id: str
    number: int
    status: dict[str, Any] = field(repr=False)
    fingerprint: str
    owner: ResultOwner
    files: dict[str, int]

    @property
    def folder(self) -> tuple[str, ...]:
        """Path of the attempt, from the results folder."""
        return (self.study, EXPERIMENTS, self.machine, self.id, ATTEMPTS, str(self.number))

    @property
    def where(self) -> str:
        """Its path, for messages."""
        return f"{self.source.folder}/{self.study}/{self.machine}/{self.id}: attempt {self.number}"


@dataclass(frozen=True)
class SourceRun:
    """An invocation of the workflow in a source folder.

    Parameters
    ----------
    study, uuid : str
        The study and the run.
    about : dict
        The parts of run.json that are merged; no command or path in it is ever used.
    events : bytes
        Its events, one JSON object a line.
    owner : ResultOwner
        Whom the results of the folder belong to.
    """

    study: str
    uuid: str
    about: dict[str, Any] = field(repr=False)
    events: bytes = field(repr=False)
    owner: ResultOwner

    def events_for(self, machine_of: Callable[[str], str]) -> bytes:
        """Return the events with the machines' names in the target."""
        return b"".join(map(_line, _renamed(self.events, machine_of)))


def read_attempts(
    source: UntrustedFolder, study: str, machine: str, identity: str, owner: ResultOwner, skipped: list[str]
) -> Iterator[SourceAttempt]:
    """Yield the attempts of an experiment that ended without a result; others are skipped, with a line if they run."""
    below = (study, EXPERIMENTS, machine, identity)
    for name in source.names(*below, ATTEMPTS):
        folder = (*below, ATTEMPTS, name)
        if not _NUMBER.fullmatch(name) or not source.has(*folder, STATUS):
            continue
        try:
            status = source.read_map(*folder, STATUS)
            check_ended_status(status)
            if status["state"] not in BAD_ENDS:
                continue
            experiment = source.read_map(*folder, EXPERIMENT) if source.has(*folder, EXPERIMENT) else {}
        except (ValueError, OSError) as error:
            skipped.append(f"{source.folder}/{study}/{machine}/{identity}: attempt {name} is left out: {error}")
            continue
        fingerprint = str(status.get("fingerprint") or experiment.get("fingerprint") or "")
        own = ResultOwner.read(experiment["owner"]) if "owner" in experiment else owner
        files = dict(_sizes(source, folder))
        yield SourceAttempt(source, study, machine, identity, int(name), status, fingerprint, own, files)


def _sizes(source: UntrustedFolder, folder: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    """Yield the files of an attempt with their sizes; too large ones are left out."""
    for name in ATTEMPT_FILES:
        size = source.size(*folder, name)
        if size is not None and size <= (LARGEST_LOG if name == LOG else LARGEST):
            yield name, size


def read_runs(source: UntrustedFolder, study: str, owner: ResultOwner, skipped: list[str]) -> Iterator[SourceRun]:
    """Yield the runs of a study."""
    for uuid in source.names(study, RUNS):
        folder = (study, RUNS, uuid)
        if not source.has(*folder, RUN_FILE):
            continue
        try:
            if not _RUN.fullmatch(uuid):
                raise UntrustedFileError("not the name of a run")
            about = _about(source.read_map(*folder, RUN_FILE), uuid)
            events = source.read(*folder, EVENTS, largest=LARGEST_LOG) if source.has(*folder, EVENTS) else b""
        except (ValueError, OSError) as error:
            skipped.append(f"{source.folder}/{study}/{RUNS}/{uuid[:100]!r}: {error}")
            continue
        yield SourceRun(study, uuid, about, events, owner)


def _about(content: Mapping[str, Any], uuid: str) -> dict[str, Any]:
    """Return what is merged of run.json: nothing that another run could repeat, such as a folder or a program.

    Raises
    ------
    ValueError
        If it is not of this run, or a part is invalid.
    """
    if content.get("uuid") != uuid:
        raise UntrustedFileError("its run.json is of another run")
    check(content, _RUN_SHAPE)
    kept = {name: content[name] for name in _RUN_SHAPE if content.get(name) is not None}
    owner = kept.pop("owner", None) or {}
    if owner.get("host"):
        kept["owner"] = {"host": owner["host"]}
    if len(json.dumps(kept)) > LARGEST or any(len(str(kept.get(name, ""))) > _LONGEST for name in _RUN_TEXTS):
        raise UntrustedFileError("its run.json has too long texts")
    return {"format": FORMAT, "uuid": uuid, **kept, "merged": True}


def _renamed(events: bytes, machine_of: Callable[[str], str]) -> Iterator[dict[str, Any]]:
    for line in events.split(b"\n"):
        try:
            event = jsonfiles.parse(line) if 0 < len(line) < _LONGEST_EVENT else None
        except ValueError:
            continue
        if isinstance(event, dict):
            machine = event.get("machine")
            yield event | {"machine": machine_of(machine)} if isinstance(machine, str) and machine else event


def _line(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=True).encode() + b"\n"
