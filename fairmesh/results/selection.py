"""Select results by name or by a condition: an experiment, a point with its repeats, the best point of a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from fairmesh.errors import InputError, Problem
from fairmesh.expressions.conditions import Condition
from fairmesh.files import canonical_json
from fairmesh.names import REPEAT
from fairmesh.results import ranking
from fairmesh.results.load import Outcome, StudyResults
from fairmesh.results.ranking import point_id
from fairmesh.results.table import USAGE_UNITS, text_of


@dataclass(frozen=True)
class Side:
    """One side of a comparison: an experiment, or a parameter point with its repeats.

    Parameters
    ----------
    study : StudyResults
        Its study.
    outcomes : tuple of Outcome
        The experiment or the repeats.
    """

    study: StudyResults = field(repr=False)
    outcomes: tuple[Outcome, ...]

    @property
    def name(self) -> str:
        """The short name of the experiment, or of the point."""
        names, axes = self.study.names, self.outcomes[0].axes
        return names.of(axes) if len(self.outcomes) == 1 else names.of_point(axes)

    @property
    def machine(self) -> str:
        """The machine."""
        return self.outcomes[0].machine

    @property
    def done(self) -> list[Outcome]:
        """The outcomes that have a result."""
        return [outcome for outcome in self.outcomes if outcome.record is not None]

    @cached_property
    def repeats(self) -> list[Outcome]:
        """All results of its point."""
        point = (self.machine, point_id(self.outcomes[0]))
        return [outcome for outcome in self.study.done if (outcome.machine, point_id(outcome)) == point]

    @property
    def parameters(self) -> dict[str, Any]:
        """The parameters that have the same value in all outcomes."""
        first, *others = (outcome.values for outcome in self.outcomes)
        common = {
            name: value for name, value in first.items() if all(_equal(value, other.get(name)) for other in others)
        }
        return {name: value for name, value in common.items() if name != REPEAT or not others}

    @property
    def environment(self) -> dict[str, str]:
        """The environment, by dotted names; differing values of repeats are joined."""
        values: dict[str, dict[str, None]] = {}
        for outcome in self.done:
            for name, text in flatten(self.study.environment(outcome)):
                values.setdefault(name, {})[text] = None
        return {name: " | ".join(texts) for name, texts in values.items()}

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "study": self.study.name,
            "machine": self.machine,
            "name": self.name,
            "experiments": [outcome.id for outcome in self.outcomes],
            "states": [outcome.state for outcome in self.outcomes],
            "n": len(self.done),
        }


def best_point(study: StudyResults) -> Side | None:
    """Return the point with the best mean of the primary metric; None if there is none."""
    best = ranking.best_point(study)
    return Side(study, best.outcomes) if best else None


def find_side(study: StudyResults, name: str) -> Side:
    """Find an experiment, or a point with its repeats, by what people write: see `ExperimentFinder`.

    Raises
    ------
    InputError
        If nothing matches, or several do.
    """
    outcomes = tuple(study.finder.find(name))
    machines = list(dict.fromkeys(outcome.machine for outcome in outcomes))
    if len(machines) > 1:
        what = f"{name!r} has results on several machines of {study.name}; write MACHINE/NAME"
        raise InputError([Problem(what, "", ", ".join(machines))])
    return Side(study, outcomes)


def flatten(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of nested maps as text, with dotted names.

    >>> dict(flatten({"format": 1, "python": {"version": "3.11", "packages": {"h5py": "3.14"}}}))
    {'python.version': '3.11', 'python.packages.h5py': '3.14'}
    """
    for key, value in values.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{key}.")
        elif key != "format":
            yield f"{prefix}{key}", text_of(value)


def _equal(one: Any, other: Any) -> bool:
    return canonical_json(one) == canonical_json(other)


def filter_results(study: StudyResults, where: str) -> StudyResults:
    """Return a study's results restricted to the experiments that match a condition.

    A condition can use parameters, axes, resources, ``machine``, ``organisation``, ``person``, ``id``, ``state``,
    metrics, and resource usage. An experiment without a result matches no condition over metrics.

    Raises
    ------
    InputError
        If the condition is invalid, or no experiment matches.
    """
    measured = {*(metric.name for metric in study.metrics), *USAGE_UNITS}
    values = [(outcome, _values(outcome)) for outcome in study.experiments]
    known = dict.fromkeys([*(name for _, own in values for name in own), *measured])
    condition = Condition.parse(where, known, study.name)
    needed = condition.expression.names & measured
    matching = [outcome for outcome, own in values if needed <= own.keys() and condition(own)]
    if not matching:
        raise InputError([Problem(f"no experiment of {study.name} matches {where!r}", "--where")])
    return replace(study, experiments=matching)


def _values(outcome: Outcome) -> dict[str, Any]:
    used = {"seconds": outcome.seconds, **outcome.usage}
    return {
        "organisation": outcome.owner.organisation,
        "person": outcome.owner.person,
        **{name: value for name, value in used.items() if value is not None},
        **{name: value.value for name, value in outcome.metrics.items()},
        **outcome.resources,
        **outcome.values,
        "machine": outcome.machine,
        "id": outcome.id,
        "state": outcome.state,
    }
