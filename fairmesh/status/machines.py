"""The remote machines of a study, as its run last saw them: ``machines/<machine>.json`` in its results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from fairmesh.dispatch.backoff import CONNECTED, PAUSED, REFUSED, UNREACHABLE
from fairmesh.jobs.paths import StudyPaths
from fairmesh.printing import count_text, format_duration, one_line
from fairmesh.runner.protocol import STATES
from fairmesh.status.cache import CachedValue, FileCache, Map
from fairmesh.status.model import seconds_between
from fairmesh.status.states import state_label

MACHINE_MEANINGS = {
    CONNECTED: "it answered the last request",
    UNREACHABLE: "it does not answer now; the next request follows within minutes",
    PAUSED: "it has not answered for longer than its patience; a request follows every five minutes",
    REFUSED: "it answers, but a person must act first, for example to trust its host key",
}
"""What each state of a machine means. None of them is a failure of experiments."""


@dataclass(frozen=True, slots=True)
class ComputerStatus:
    """One of several computers of a machine.

    Parameters
    ----------
    name : str
        Its name.
    state, reason : str
        One of the states of machines, and the reason for it; may be empty.
    """

    name: str
    state: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MachineStatus:
    """A remote machine of a study.

    Parameters
    ----------
    machine : str
        Its name in machines.yaml.
    host : str
        The host that ssh is asked to reach; empty for a rented machine.
    state : str
        One of ``connected``, ``unreachable``, ``paused`` and ``refused``.
    reason : str
        The reason for the state; may be empty.
    since : str
        The time since which it is in this state.
    last_seen : str
        The time of its last answer; empty if there was none.
    jobs : mapping of str to int
        The number of the study's experiments and stages there, by state.
    computers : tuple of ComputerStatus
        Its computers, if there are several.
    """

    machine: str
    host: str = ""
    state: str = CONNECTED
    reason: str = ""
    since: str = ""
    last_seen: str = ""
    jobs: Mapping[str, int] = field(default_factory=dict)
    computers: tuple[ComputerStatus, ...] = ()

    @classmethod
    def of_json(cls, machine: str, content: Map) -> MachineStatus:
        """Return a machine as a file or a response describes it; what is invalid in it is left out."""
        computers = content.get("computers")
        return cls(
            machine,
            **{name: _text(content.get(name)) for name in ("host", "state", "reason", "since", "last_seen")},
            jobs=_counts(content.get("jobs")),
            computers=tuple(_computers(computers if isinstance(computers, list) else ())),
        )

    def seen(self, now: str) -> str:
        """Return how long ago it answered, in words.

        >>> MachineStatus("dgx", last_seen="2026-11-30T10:00:00Z").seen("2026-11-30T10:01:30Z")
        '1 min 30 s ago'
        >>> MachineStatus("dgx").seen("2026-11-30T10:01:30Z")
        'never'
        """
        return f"{format_duration(seconds_between(self.last_seen, now))} ago" if self.last_seen else "never"

    def text(self, now: str) -> str:
        """Return its state in one line.

        >>> MachineStatus("dgx", state="paused", reason="no route to host").text("2026-11-30T10:01:30Z")
        'paused, last seen never: no route to host'
        """
        return ": ".join(filter(None, (f"{self.state}, last seen {self.seen(now)}", self.reason)))

    @property
    def jobs_text(self) -> str:
        """The number of jobs by state, in words; with several computers also their number.

        >>> MachineStatus("dgx", jobs={"running": 2, "queued": 1}).jobs_text
        '1 queued, 2 running'
        """
        counts = [f"{self.jobs[state]} {state_label(state)}" for state in STATES if self.jobs.get(state)]
        there = [f"on {count_text(len(self.computers), 'computer')}"] if len(self.computers) > 1 else []
        return " ".join([", ".join(counts) or "none", *there])

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data."""
        content = {name: getattr(self, name) for name in self.__slots__}
        computers = [{name: getattr(computer, name) for name in computer.__slots__} for computer in self.computers]
        return content | {"jobs": dict(self.jobs), "computers": computers}


MACHINE_HEADS = ("machine", "host", "state", "last seen", "jobs", "reason")
"""The heads of the table of machines in all interfaces."""


def machine_row(machine: MachineStatus, now: str) -> tuple[str, ...]:
    """Return the row of a machine in the table of machines."""
    return (machine.machine, machine.host, machine.state, machine.seen(now), machine.jobs_text, machine.reason)


class MachineReader:
    """Reads the remote machines of one study.

    Parameters
    ----------
    paths : StudyPaths
        The study's files.
    is_cached : bool
        Whether they are read more than once.
    """

    def __init__(self, paths: StudyPaths, is_cached: bool = False) -> None:
        self._paths, self._files = paths, FileCache(is_cached)
        self._names: CachedValue[frozenset[str]] = CachedValue(is_cached)

    def read(self) -> tuple[MachineStatus, ...]:
        """Return the machines by name; none if all experiments are local or of the profile's executor."""
        names = sorted(self._names.get(lambda dependencies: dependencies.names(str(self._paths.machines))))
        machines = [name.removesuffix(".json") for name in names if name.endswith(".json") and name[0] != "."]
        contents = {name: self._files.read(str(self._paths.machine(name))) for name in machines}
        return tuple(MachineStatus.of_json(one_line(name), content) for name, content in contents.items() if content)

    @property
    def problems(self) -> dict[str, str]:
        """The reasons why files could not be read, by path."""
        return self._files.problems


def _text(value: Any) -> str:
    return one_line(value) if isinstance(value, str) else ""


def _counts(jobs: Any) -> dict[str, int]:
    counts = jobs if isinstance(jobs, dict) else {}
    return {state: counts[state] for state in STATES if type(counts.get(state)) is int and counts[state] > 0}


def _computers(entries: Any) -> Iterator[ComputerStatus]:
    for entry in entries:
        if isinstance(entry, dict) and _text(entry.get("name")):
            yield ComputerStatus(**{name: _text(entry.get(name)) for name in ComputerStatus.__slots__})
