"""Choose the names of merged machines: in a results folder, the name of a machine belongs to one owner."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.reading import read_map
from fairmesh.results.owners import ResultOwner, short_name
from fairmesh.runner.protocol import RECORDS

_LONGEST = 50  # characters of the first part of a name

PlanOf = Callable[[str], Mapping[str, Any]]


class MachineNames:
    """The names of machines in the target, with their owners.

    Parameters
    ----------
    into : Path
        The target results folder.
    plan_of : callable
        Returns the plan of a study in the target; empty if it has none.
    shared : collection of str
        The machines that several owners use, such as a cluster: they keep their names.
    """

    def __init__(self, into: Path, plan_of: PlanOf, shared: Collection[str] = ()) -> None:
        self._into, self._plan_of, self._shared = into, plan_of, shared
        self._owners: dict[tuple[str, str], list[ResultOwner]] = {}

    def name(self, study: str, machine: str, owner: ResultOwner, original: str = "") -> str:
        """Return the name of a source's machine in the target.

        Parameters
        ----------
        study, machine : str
            The study, and the name of the machine in the source.
        owner : ResultOwner
            Whom the results belong to; the name is kept if this is unknown.
        original : str
            The name that the owner gave the machine, if it differs: another merge may have changed it.
        """
        if not owner or machine in self._shared:
            return machine
        if original and original != machine and self._is_of(study, original, owner):
            return original
        names = self._candidates(study, original or machine, machine, owner)
        return next(name for name in names if not self._known(study, name) or self._is_of(study, name, owner))

    def add(self, study: str, machine: str, owner: ResultOwner) -> None:
        """Add the owner of a result on a machine of the target."""
        known = self._known(study, machine)
        if owner not in known:
            known.append(owner)

    def _is_of(self, study: str, machine: str, owner: ResultOwner) -> bool:
        return any(not known.differs_from(owner) for known in self._known(study, machine))

    def _candidates(self, study: str, original: str, machine: str, owner: ResultOwner) -> Iterator[str]:
        """Yield the names of a machine, the preferred one first.

        Names have no person, who may not have agreed to be named.
        """
        yield machine
        base = original[:_LONGEST]
        if owner.organisation and any(known.has_other_organisation(owner) for known in self._known(study, machine)):
            base = f"{base}.{short_name(owner.organisation)}"
            yield base
        yield from (f"{base}.{number}" for number in count(2))

    def _known(self, study: str, machine: str) -> list[ResultOwner]:
        """Return the owners of a machine's results in the target, or of its plan; none if it is not there."""
        if (study, machine) not in self._owners:
            self._owners[study, machine] = list(dict.fromkeys(self._read(study, machine)))
        return self._owners[study, machine]

    def _read(self, study: str, machine: str) -> Iterator[ResultOwner]:
        plan = self._plan_of(study)
        publisher = ResultOwner.of_publisher(plan.get("publisher") or {})
        records = [read_map(path) for path in (StudyPaths(self._into, study).folder / RECORDS / machine).glob("*.json")]
        for record in records:
            yield ResultOwner.read(record["owner"]) if "owner" in record else publisher
        if not records and any(point["machine"] == machine for point in plan.get("experiments") or ()):
            yield publisher
