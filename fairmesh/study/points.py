"""The points of a parameter space: products of axes, less what is excluded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from fairmesh.files import canonical_json
from fairmesh.names import axis_text
from fairmesh.study.values import Value


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a parameter or axis, with the texts that ids and fingerprints are made of.

    Parameters
    ----------
    value : Value
        Of the declared type.
    id_text, json_text : str
        ``name=value`` in an id, ``"name":value`` in canonical JSON.
    """

    value: Value
    id_text: str
    json_text: str

    @classmethod
    def of(cls, name: str, value: Value) -> Choice:
        """Choose a value for a name."""
        return cls(value, axis_text(name, value), f"{canonical_json(name)}:{canonical_json(value)}")


Point = dict[str, Choice]


@dataclass(frozen=True)
class Exclude:
    """Points that are left out: those at which every named value matches.

    Parameters
    ----------
    choices : mapping of str to Choice
        The values by name.
    where : str
        Its place in the study file.
    """

    choices: Mapping[str, Choice]
    where: str

    def matches(self, point: Point, defaults: Mapping[str, Choice]) -> bool:
        """Tell whether a point is left out; a parameter that is no axis has its default."""
        return all(
            (point[name] if name in point else defaults.get(name)) == choice for name, choice in self.choices.items()
        )


def product(axes: Mapping[str, Sequence[Choice]]) -> Iterator[Point]:
    """Cross axes; the first varies slowest.

    >>> axes = {name: [Choice.of(name, value) for value in (1, 2)] for name in "ab"}
    >>> ["+".join(choice.id_text for choice in point.values()) for point in product(axes)]
    ['a=1+b=1', 'a=1+b=2', 'a=2+b=1', 'a=2+b=2']
    """
    for choices in itertools.product(*axes.values()):
        yield dict(zip(axes, choices, strict=True))


def without(
    points: Iterator[Point], excludes: Sequence[Exclude], defaults: Mapping[str, Choice]
) -> tuple[list[Point], list[Exclude]]:
    """Leave points out; give those that stay, and the excludes that match no point."""
    matched: set[int] = set()
    left = []
    for point in points:
        hits = [at for at, exclude in enumerate(excludes) if exclude.matches(point, defaults)]
        if hits:
            matched.update(hits)
        else:
            left.append(point)
    return left, [exclude for at, exclude in enumerate(excludes) if at not in matched]
