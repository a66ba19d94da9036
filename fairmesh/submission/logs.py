"""The log of a submitted run: the events of the attempt after the submission entries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.errors import FairmeshError
from fairmesh.files import file_sha256
from fairmesh.results import Outcome
from fairmesh.runner.mllog import MARK, POINT, SUBMISSION, line
from fairmesh.runner.protocol import MLLOG
from fairmesh.runner.safefiles import read_regular

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Log:
    """The events of one run, in the order of its file."""

    events: Sequence[Event]

    def first(self, key: str) -> Any:
        """Return the value of the first event of a key; None if there is none."""
        return next((event["value"] for event in self.events if event["key"] == key), None)

    def submission(self) -> dict[str, str]:
        """Return the submission entries of the log."""
        keys = [event["key"] for event in self.events if event["key"].startswith(SUBMISSION)]
        return {key.removeprefix(SUBMISSION): str(self.first(key)) for key in keys}

    def text(self, given: Mapping[str, str]) -> str:
        """Return the log's text for a submission.

        Parameters
        ----------
        given : mapping
            Who submits what, in place of all that the log says of it.
        """
        place = {"file": "fairmesh/submission/logs.py", "lineno": 0}
        began = self.events[0]["time_ms"]
        head = [line(POINT, SUBMISSION + name, value, place, began) for name, value in given.items()]
        own = [MARK + json.dumps(event) + "\n" for event in self.events if not event["key"].startswith(SUBMISSION)]
        return "".join(head + own)


def read_log(outcome: Outcome) -> Log:
    """Read the log of a finished run.

    Raises
    ------
    FairmeshError
        If there is none, it is not whole, or it is not the one that the run's record speaks of.
    """
    path = (outcome.attempt or outcome.folder) / MLLOG
    if not path.is_file():
        raise FairmeshError(f"{path}: no such file; run {outcome.id} again, with a fairmesh that writes it")
    _check_hash(outcome, path)
    try:
        lines = read_regular(str(path)).decode("utf-8").splitlines()
        events = [json.loads(text.removeprefix(MARK)) for text in lines if text.startswith(MARK)]
        return Log([dict(event, key=str(event["key"]), value=event["value"]) for event in events if event["time_ms"]])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FairmeshError(f"{path}: not a log of MLCommons: {error}") from error


def _check_hash(outcome: Outcome, path: Path) -> None:
    """Check a file against its hash in the record, if it has one."""
    hashes = {file["path"]: file["sha256"] for file in (outcome.record or {}).get("files") or []}
    name = path.relative_to(outcome.folder).as_posix()
    if name in hashes and hashes[name] != file_sha256(path):
        raise FairmeshError(f"{path}: it was changed after the run: its record has another SHA-256")
