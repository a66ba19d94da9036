"""The current status of an attempt (status.json), and requests to cancel it (cancel.json)."""

import errno
import os
import random
import re
import time
from typing import Any, Dict, NamedTuple, Optional

from ..schedulers import current_job
from . import jsonfiles, protocol
from .owner import Owner
from .safefiles import overwrite
from .text import printable

PROGRESS_MARKS = ("# fairmesh ", "# cloudmesh ")
LONGEST_FIELDS = 4096  # characters of a line of progress that are read
# A name matches only from its beginning, so that a long word without a value is scanned once.
_FIELD = re.compile(r'(?<!\w)(\w+)=("[^"]*"?|\S+)')
SHORTEST = 2.0  # seconds between two writes of a running attempt
HEARTBEAT = 15.0  # seconds; a little is added at random, so that a thousand jobs do not write at once


class Status:
    """The status of one attempt; changes are written at once, but not more often than every two seconds."""

    def __init__(self, path: str, attempt: int, owner: Owner, run: str = "", fingerprint: str = "") -> None:
        job = current_job()
        self.path = path
        self._written = 0.0
        self._changed = False
        self.values: Dict[str, Any] = {
            "format": protocol.FORMAT,
            "state": protocol.QUEUED,
            "reason": "",
            "progress": 0,
            "message": "",
            "heartbeat": 0,
            "attempt": attempt,
            "started": None,
            "updated": None,
            "ended": None,
            "host": owner["host"],
            "node": (job.node if job else "") or owner["host"],
            "pid": owner["pid"],
            "job_id": owner["job_id"],
            "run": run,
            "fingerprint": fingerprint,
            "exit_code": None,
            "memory": "",
        }

    def set_state(self, state: str, reason: str = "", **values: Any) -> None:
        """Change the state and write it at once."""
        self.values.update(values, state=state, reason=reason)
        self._changed = True
        self.write()

    def end(self, state: str, reason: str, exit_code: Optional[int]) -> None:
        """Write the last state."""
        if state == protocol.DONE:
            self.values["progress"] = 100
        self.set_state(state, reason, exit_code=exit_code, ended=jsonfiles.now())

    def read_progress(self, line: str) -> None:
        """Read progress and message from a line of output; the mark may follow other text in the line."""
        begin = min((line.find(mark) for mark in PROGRESS_MARKS if mark in line), default=-1)
        if begin < 0:
            return
        fields = {name: value.strip('"') for name, value in _FIELD.findall(line[begin : begin + LONGEST_FIELDS])}
        if re.match(r"\d{1,3}(\.\d*)?$", fields.get("progress", "")):
            self.values["progress"] = min(100, int(float(fields["progress"])))
        message = fields.get("msg", fields.get("message"))
        if message is not None:
            self.values["message"] = printable(message)[:200]
        self._changed = True

    def beat(self) -> None:
        """Write a change or a heartbeat when it is due."""
        silent = time.monotonic() - self._written
        if (self._changed and silent >= SHORTEST) or silent >= HEARTBEAT + random.random() * SHORTEST:  # noqa: S311
            self.write()

    def write(self) -> None:
        """Write all values now."""
        self.values["heartbeat"] += 1
        self.values["updated"] = jsonfiles.now()
        jsonfiles.write(self.path, self.values)
        self._written, self._changed = time.monotonic(), False

    def write_in_place(self) -> None:
        """Write all values; on a full disk, overwrite the existing file in place."""
        try:
            self.write()
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            overwrite(self.path, jsonfiles.encoded(self.values))


def write_end(folder: str, attempt: int, state: str, reason: str = "") -> None:
    """Write the end of an attempt whose runner has ended without writing it."""
    path = os.path.join(folder, protocol.ATTEMPTS, str(attempt), protocol.STATUS)
    values = jsonfiles.read_map(path)
    if values is not None and values.get("state") not in protocol.ENDS:
        jsonfiles.write(path, dict(values, state=state, reason=reason, ended=jsonfiles.now()))


class CancelRequest(NamedTuple):
    """A request to cancel a job or run, with user and time: cancel.json in its folder."""

    who: str
    when: str

    @classmethod
    def of(cls, content: Dict[str, Any]) -> "CancelRequest":
        """Return the request with the content of cancel.json."""
        return cls(str(content.get("who") or "somebody"), str(content.get("when") or ""))

    def __str__(self) -> str:
        """Return the request as the reason of a state."""
        return f"cancelled by {self.who} at {self.when}" if self.when else f"cancelled by {self.who}"


def cancel_reason(folder: str) -> str:
    """Return the request to cancel the job or run of a folder, as a text; empty if there is none."""
    path = os.path.join(folder, protocol.CANCEL)
    if not folder or not os.path.isfile(path):
        return ""
    return str(CancelRequest.of(jsonfiles.read_map(path) or {}))


def request_cancel(folder: str, who: str) -> bool:
    """Request to cancel the job or run of a folder; return False if there is a request already."""
    path = os.path.join(folder, protocol.CANCEL)
    return jsonfiles.write_new(path, {"format": protocol.FORMAT, "who": who, "when": jsonfiles.now()})
