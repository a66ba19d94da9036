"""Report the state of a machine: in a file for all readers, and in a line to the user when it changes."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.dispatch.backoff import CONNECTED, PAUSED, REFUSED, UNREACHABLE
from fairmesh.dispatch.computer_jobs import ComputerJobs
from fairmesh.dispatch.open_job import OpenJob
from fairmesh.jobs.results_folder import hide_from_git
from fairmesh.printing import one_line
from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import FORMAT, WAITING

_ORDER = (REFUSED, PAUSED, UNREACHABLE, CONNECTED)
_ADVICE = {
    PAUSED: "its experiments wait; it is tried again every five minutes",
    REFUSED: "its experiments wait until that is changed",
}
_REFRESH = 30.0  # seconds after which the file is written although only the time of the last answer has changed


class MachineReport:
    """The state of a machine, for readers and for the user.

    Parameters
    ----------
    path : Path
        The file.
    machine : str
        The name of the machine.
    host : str
        The host that ssh is asked to reach; empty for a rented machine.
    announce : callable
        Shows one line to the user.
    """

    def __init__(self, path: Path, machine: str, host: str, announce: Callable[[str], None]) -> None:
        self._path, self._machine, self._host, self._announce = path, machine, host, announce
        before = jsonfiles.read_map(str(path)) or {}
        self._state, self._since = str(before.get("state")), str(before.get("since") or "")
        self._seen = str(before.get("last_seen") or "")
        self._is_announced = False
        self._written: dict[str, Any] = {}
        self._written_at = 0.0

    def update(
        self, computers: Sequence[ComputerJobs], waiting: Iterable[OpenJob], problem: tuple[str, str] = ("", "")
    ) -> None:
        """Write the file if something has changed, and announce a pause and its end.

        Parameters
        ----------
        computers : sequence of ComputerJobs
            The computers of the machine.
        waiting : iterable of OpenJob
            The jobs without a computer.
        problem : tuple
            State and reason of a problem of the machine as a whole.
        """
        state, reason = _worst(computers, problem)
        if state != self._state or not self._since:
            self._state, self._since = state, jsonfiles.now()
        self._announce_change(state, reason)
        jobs = [job for computer in computers for job in computer.jobs] + list(waiting)
        counts = Counter(_state_of(job) for job in jobs)
        seen = max((computer.last_seen for computer in computers), default=0.0)
        self._seen = _time_text(seen) or self._seen
        content = {
            "format": FORMAT,
            "machine": self._machine,
            "host": self._host,
            "state": state,
            "reason": one_line(reason),
            "since": self._since,
            "last_seen": self._seen,
            "jobs": dict(sorted(counts.items())),
            "computers": [_computer(computer) for computer in computers if computer.computer.name],
        }
        self._write(content)

    def _write(self, content: dict[str, Any]) -> None:
        is_same = content["jobs"] and {**content, "last_seen": ""} == {**self._written, "last_seen": ""}
        if content != self._written and (not is_same or time.monotonic() - self._written_at > _REFRESH):
            hide_from_git(self._path.parent)
            files.write_json(self._path, content)
            self._written, self._written_at = content, time.monotonic()

    def _announce_change(self, state: str, reason: str) -> None:
        if state in _ADVICE and not self._is_announced:
            self._announce(one_line(f"{self._machine} is {state}: {reason}; {_ADVICE[state]}"))
            self._is_announced = True
        elif state == CONNECTED and self._is_announced:
            self._announce(f"{self._machine} is connected again")
            self._is_announced = False


def _worst(computers: Sequence[ComputerJobs], problem: tuple[str, str]) -> tuple[str, str]:
    """Return the state and reason of the computer with the greatest problem, or of the machine as a whole."""
    states = [problem] if problem[0] else []
    for computer in computers:
        held = next((job.problem for job in computer.jobs if job.problem), "")
        is_held = held and computer.health.state == CONNECTED
        states.append((PAUSED, held) if is_held else (computer.health.state, computer.health.reason))
    return min(states, key=lambda entry: _ORDER.index(entry[0]), default=(CONNECTED, ""))


def _state_of(job: OpenJob) -> str:
    return WAITING if job.state.is_over else job.state.state


def _time_text(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)) if seconds else ""


def _computer(computer: ComputerJobs) -> dict[str, Any]:
    health = computer.health
    return {"name": computer.computer.name, "state": health.state, "reason": one_line(health.reason)}
