"""What can be compared: an experiment, a point with its repeats, or the best point of a study."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.files import canonical_json
from fairmesh.names import REPEAT, experiment_id
from fairmesh.results import ranking
from fairmesh.results.load import Outcome, StudyResults
from fairmesh.results.ranking import point_id
from fairmesh.results.table import text_of

SHOWN = 5  # names in a message


@dataclass(frozen=True)
class Side:
    """One of what is compared: an experiment, or a parameter point with all of its repeats.

    Parameters
    ----------
    study : StudyResults
        The study that it is of.
    outcomes : tuple of Outcome
        The experiment, or the repeats.
    """

    study: StudyResults = field(repr=False)
    outcomes: tuple[Outcome, ...]

    @property
    def name(self) -> str:
        """The id of the experiment, or of the point."""
        first = self.outcomes[0]
        return first.id if len(self.outcomes) == 1 else point_id(first)

    @property
    def machine(self) -> str:
        """Where it ran."""
        return self.outcomes[0].machine

    @property
    def done(self) -> list[Outcome]:
        """Those that have a result."""
        return [each for each in self.outcomes if each.record is not None]

    @cached_property
    def repeats(self) -> list[Outcome]:
        """All results of its point, which say how much repeats scatter."""
        wanted = (self.machine, point_id(self.outcomes[0]))
        return [each for each in self.study.done if (each.machine, point_id(each)) == wanted]

    @property
    def parameters(self) -> dict[str, Any]:
        """The values that all of its experiments have."""
        first, *others = (each.values for each in self.outcomes)
        alike = {name: value for name, value in first.items() if all(_equal(value, each.get(name)) for each in others)}
        return {name: value for name, value in alike.items() if name != REPEAT or not others}

    @property
    def environment(self) -> dict[str, str]:
        """What it was measured on, by dotted names; where repeats differ, all that there were."""
        found: dict[str, dict[str, None]] = {}
        for each in self.done:
            for name, text in flatten(self.study.environment(each)):
                found.setdefault(name, {})[text] = None
        return {name: " | ".join(texts) for name, texts in found.items()}

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return {
            "study": self.study.name,
            "machine": self.machine,
            "name": self.name,
            "experiments": [each.id for each in self.outcomes],
            "states": [each.state for each in self.outcomes],
            "n": len(self.done),
        }


def best_point(study: StudyResults) -> Side | None:
    """Return the point with the best mean of the primary metric; None as long as there is no result."""
    found = ranking.best_point(study)
    return Side(study, found.outcomes) if found else None


def find_side(study: StudyResults, name: str) -> Side:
    """Return what a name means: an experiment by id, key or an unambiguous beginning; a point by its id without repeat.

    Of a point, the axes that tell it from the others are enough, as in ``epochs=4+width=8``. Where an id is on several
    machines, ``MACHINE/ID`` says which.

    Raises
    ------
    InputError
        If it means nothing, or several.
    """
    for fits, names in ((_is, _id), (_is_point, point_id), (_has_axes, point_id), (_begins, _id)):
        found = tuple(each for each in study.experiments if fits(name, each))
        if len({(each.machine, names(each)) for each in found}) == 1:
            return Side(study, found)
        if found:
            several = ", ".join(f"{each.machine}/{each.id}" for each in found[:SHOWN])
            more = ", ..." if len(found) > SHOWN else ""
            raise InputError([Problem(f"{name!r} fits {len(found)} experiments of {study.name}: {several}{more}")])
    near = nearest(name, dict.fromkeys(text for each in study.experiments for text in (each.id, point_id(each))))
    raise InputError([Problem(f"study {study.name} has no experiment {name!r}", near=near)])


def _is(name: str, outcome: Outcome) -> bool:
    return name in {outcome.id, outcome.key, f"{outcome.machine}/{outcome.id}"}


def _is_point(name: str, outcome: Outcome) -> bool:
    point = point_id(outcome)
    return name in {point, f"{outcome.machine}/{point}"}


def _has_axes(name: str, outcome: Outcome) -> bool:
    machine, _, axes = name.rpartition("/")
    own = {experiment_id({axis: value}) for axis, value in outcome.axes.items() if axis != REPEAT}
    return machine in {"", outcome.machine} and set(axes.split("+")) <= own


def _id(outcome: Outcome) -> str:
    return outcome.id


def _begins(name: str, outcome: Outcome) -> bool:
    texts = (outcome.id, outcome.key, f"{outcome.machine}/{outcome.id}")
    return bool(name) and any(text.startswith(name) for text in texts)


def flatten(found: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Yield every value of nested maps as a text, with its dotted name.

    >>> dict(flatten({"format": 1, "python": {"version": "3.11", "packages": {"h5py": "3.14"}}}))
    {'python.version': '3.11', 'python.packages.h5py': '3.14'}
    """
    for key, each in found.items():
        if isinstance(each, dict):
            yield from flatten(each, f"{above}{key}.")
        elif key != "format":
            yield f"{above}{key}", text_of(each)


def _equal(one: Any, other: Any) -> bool:
    return canonical_json(one) == canonical_json(other)
