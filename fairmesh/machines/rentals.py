"""The journal of rented instances: each is written down before it is asked for, so that none is forgotten."""

from __future__ import annotations

import dataclasses
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fairmesh.files import write_json
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import read_map
from fairmesh.machines.providers.base import ADDRESS, ID

REQUESTED, CREATED, READY, FAILED, DESTROYING, GONE = (
    "requested",
    "created",
    "ready",
    "failed",
    "destroying",
    "gone",
)
"""States of a rental.

``failed``: creating it was refused, or had no answer: it may exist nevertheless. ``gone``: it exists no more.
"""

IN_USE = (REQUESTED, CREATED, READY)


@dataclass(frozen=True)
class Rental:
    """An instance from the request to its end.

    Parameters
    ----------
    token : str
        Its name here, and a tag at the provider.
    machine, study, run : str
        What it was created for.
    state : str
        One of the states above.
    id, address : str
        As the provider names them; empty until they are known.
    port : int
        The port of its sshd.
    host_key : str
        Its public host keys, lines of type and key.
    is_seen : bool
        Whether the provider's list has shown it, which proves that the list works.
    requested, ended : float
        Seconds since 1970; 0 if it has not ended.
    reason : str
        Why it ended.
    """

    token: str
    machine: str
    study: str
    run: str = ""
    state: str = REQUESTED
    id: str = ""
    address: str = ""
    port: int = 22
    host_key: str = ""
    is_seen: bool = False
    requested: float = 0.0
    ended: float = 0.0
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it may exist."""
        return self.state != GONE

    @property
    def is_in_use(self) -> bool:
        """Whether it runs experiments, or will."""
        return self.state in IN_USE

    @property
    def label(self) -> str:
        """How messages name it."""
        return self.id or f"instance {self.token}"

    def seconds(self, now: float) -> float:
        """Return how long it has existed, which is what it costs; one that was never created costs nothing."""
        return max(0.0, (self.ended or now) - self.requested) if self.id else 0.0


def new_token() -> str:
    """Return a name that no other instance has."""
    return secrets.token_hex(8)


class Journal:
    """The rentals of one study on one machine, a file each.

    Parameters
    ----------
    paths : StudyPaths
        The paths of the study.
    machine : str
        The name of the machine.
    """

    def __init__(self, paths: StudyPaths, machine: str) -> None:
        self.study = paths.study
        self.folder = paths.machines / machine
        self._rentals = {rental.token: rental for rental in _read(self.folder.glob("*.json"))}

    def all(self) -> list[Rental]:
        """Return all rentals, the oldest first."""
        return sorted(self._rentals.values(), key=lambda rental: (rental.requested, rental.token))

    def open(self) -> list[Rental]:
        """Return the rentals that may exist."""
        return [rental for rental in self.all() if rental.is_open]

    def get(self, token: str) -> Rental | None:
        """Return the rental of a token."""
        return self._rentals.get(token)

    def write(self, rental: Rental, **changes: Any) -> Rental:
        """Write a rental with changes; it is on the disk when this returns."""
        new = dataclasses.replace(rental, **changes)
        if new != self._rentals.get(new.token):
            write_json(self.folder / f"{new.token}.json", dataclasses.asdict(new), flush=True)
            self._rentals[new.token] = new
        return new

    @property
    def is_list_proven(self) -> bool:
        """Whether the provider's list has shown an instance of this machine at any time."""
        return any(rental.is_seen for rental in self._rentals.values())


def _read(paths: Iterable[Path]) -> list[Rental]:
    """Return the rentals of files; what is damaged is left out, and the provider's list finds the instance."""
    rentals = [Rental(**fields) for fields in map(read_map, paths) if _is_rental(fields)]
    return [rental for rental in rentals if rental.token]


def _is_rental(fields: Mapping[str, Any]) -> bool:
    kinds = {field.name: _KINDS[str(field.type)] for field in dataclasses.fields(Rental)}
    if fields.keys() != kinds.keys() or not all(isinstance(fields[name], kind) for name, kind in kinds.items()):
        return False
    return all(pattern.fullmatch(str(fields[name])) for name, pattern in _PATTERNS.items())


_PATTERNS = {
    "token": re.compile(r"[0-9a-f]{16}"),
    "id": re.compile(f"({ID.pattern})?", re.ASCII),
    "address": re.compile(f"({ADDRESS.pattern})?", re.ASCII),
    "host_key": re.compile(r"([a-z0-9@.-]+ [A-Za-z0-9+/=]+\n?)*"),
}
"""What reaches files of ssh and the provider: the results may come from elsewhere."""

_KINDS: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float), "bool": (bool,)}
