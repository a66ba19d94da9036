"""The machines of a study: their experiments, hardware and owners, and what limits a comparison of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fairmesh.jobs.reading import ENERGY_METHOD
from fairmesh.results.load import Outcome, StudyResults
from fairmesh.results.other_code import measured_with_other_code

ENERGY = "energy_j"


@dataclass(frozen=True)
class MachineSide:
    """A machine with its experiments.

    Parameters
    ----------
    study : StudyResults
        The study.
    name : str
        The machine.
    outcomes : tuple of Outcome
        Its experiments, in the order of the plan.
    """

    study: StudyResults = field(repr=False)
    name: str
    outcomes: tuple[Outcome, ...] = field(repr=False)

    @cached_property
    def done(self) -> tuple[Outcome, ...]:
        """Its experiments that have a result."""
        return tuple(outcome for outcome in self.outcomes if outcome.record is not None)

    @cached_property
    def hardware(self) -> dict[str, str]:
        """What its results say about it: processor, cores, memory, GPUs, system and nodes; unequal ones are joined."""
        texts: dict[str, dict[str, None]] = {}
        for outcome in self.done:
            for name, text in _hardware(self.study.environment(outcome)):
                texts.setdefault(name, {})[text] = None
        nodes = dict.fromkeys(outcome.node for outcome in self.done if outcome.node)
        known = {name: " | ".join(values) for name, values in texts.items()}
        owner = {"owner": self.owners} if self.owners else {}
        return owner | known | ({"nodes": ", ".join(nodes)} if nodes else {})

    @cached_property
    def owners(self) -> str:
        """The organizations and persons that its results belong to; empty if none is known."""
        owners = dict.fromkeys(outcome.owner for outcome in self.done if outcome.owner)
        return "; ".join(", ".join(filter(None, (owner.person, owner.organisation))) for owner in owners)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        counts = {"n": len(self.done), "of": len(self.outcomes)}
        return {"machine": self.name, "owner": self.owners, **counts, "hardware": self.hardware}


def _hardware(environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    processor, system = environment.get("processor") or {}, environment.get("system") or {}
    memory, gpus = environment.get("memory_bytes"), Counter(environment.get("gpus") or [])
    known = {
        "processor": processor.get("name") or processor.get("architecture"),
        "cores": processor.get("machine_cores") or processor.get("cores"),
        "memory": f"{memory / (1 << 30):.4g} GiB" if memory else "",
        "gpus": ", ".join(f"{count} x {name}" if count > 1 else name for name, count in gpus.items()),
        "system": system.get("distribution") or system.get("name"),
    }
    yield from ((name, str(value)) for name, value in known.items() if value)


def machine_sides(study: StudyResults) -> tuple[MachineSide, ...]:
    """Return the machines of a study that have results, in the order of the plan."""
    outcomes: dict[str, list[Outcome]] = {}
    for outcome in study.experiments:
        outcomes.setdefault(outcome.machine, []).append(outcome)
    sides = (MachineSide(study, name, tuple(own)) for name, own in outcomes.items())
    return tuple(side for side in sides if side.done)


def notes_on(sides: Sequence[MachineSide]) -> Iterator[str]:
    """Yield what limits a comparison of machines."""
    yield from _note_on_energy(sides)
    other_code = Counter(outcome.machine for outcome in measured_with_other_code(sides[0].study))
    for name, count in other_code.items():
        yield f"{count} of the results of {name} {'was' if count == 1 else 'were'} measured with other code."
    for side in sides:
        missing = len(side.outcomes) - len(side.done)
        if missing:
            yield f"{side.name} has no result for {missing} of {len(side.outcomes)} experiments; they are left out."
        if any(" | " in text for text in side.hardware.values()):
            yield f"The results of {side.name} come from computers with different hardware or systems."


def _note_on_energy(sides: Sequence[MachineSide]) -> Iterator[str]:
    """Yield that the energy of machines was determined in different ways."""
    methods = {
        side.name: ", ".join(
            sorted({str(outcome.usage.get(ENERGY_METHOD)) for outcome in side.done if outcome.used(ENERGY) is not None})
        )
        for side in sides
    }
    known = {name: how for name, how in methods.items() if how}
    if len(set(known.values())) > 1:
        how = "; ".join(f"{name}: {own}" for name, own in known.items())
        yield f"Energy was not determined in the same way everywhere, so that its ratios are not comparable ({how})."
