"""The algebra of parameter spaces: axes, and products, zips and unions of spaces.

A space gives points, which choose values for some axes. A computed axis looks at what is chosen around it, so that
every space is expanded inside the point that was chosen so far.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from fairmesh.errors import InputError, Problem
from fairmesh.study.formulas import Formula, Scope
from fairmesh.study.values import Choice, Point, Schema, declared_types

MAX_EXPERIMENTS = 1_000_000


class Space(Protocol):
    """A set of points."""

    @property
    def names(self) -> frozenset[str]:
        """The axes that it chooses values for."""

    @property
    def depends_on(self) -> frozenset[str]:
        """The axes outside of it that its computed axes look at."""

    @property
    def is_fixed(self) -> bool:
        """Whether there is no computed axis in it."""

    def size(self) -> int:
        """Return the number of its points; a computed axis counts as one."""

    def points(self, around: Point) -> list[Point]:
        """Return its points, inside what was chosen around it."""


@dataclass(frozen=True)
class Axis:
    """An axis whose values are written down.

    Parameters
    ----------
    name : str
        The axis.
    choices : list of Choice
        Its values.
    """

    name: str
    choices: list[Choice]
    depends_on = frozenset[str]()
    is_fixed = True

    @cached_property
    def names(self) -> frozenset[str]:
        """The axis alone."""
        return frozenset({self.name})

    def size(self) -> int:
        """Count the values."""
        return len(self.choices)

    def points(self, around: Point) -> list[Point]:
        """Return one point a value."""
        return [{self.name: choice} for choice in self.choices]


@dataclass(frozen=True)
class ComputedAxis:
    """An axis whose values follow from other axes.

    Parameters
    ----------
    name : str
        The axis.
    formula : Formula
        Gives one value, or a list of them.
    schema : mapping
        What a value must be.
    scope : Scope
        What the formula's names stand for.
    """

    name: str
    formula: Formula
    schema: Schema
    scope: Scope
    is_fixed = False
    _known: dict[tuple[object, ...], list[Point]] = field(default_factory=dict, repr=False, compare=False)

    @cached_property
    def names(self) -> frozenset[str]:
        """The axis alone."""
        return frozenset({self.name})

    @cached_property
    def depends_on(self) -> frozenset[str]:
        """The real names of what the formula names."""
        return frozenset(self.scope.real_names.get(name, name) for name in self.formula.expression.names)

    def size(self) -> int:
        """Count it as one value."""
        return 1

    def points(self, around: Point) -> list[Point]:
        """Compute the values."""
        seen = tuple(around[name].id_text if name in around else None for name in sorted(self.depends_on))
        if seen not in self._known:
            self._known[seen] = self._computed(around)
        return self._known[seen]

    def _computed(self, around: Point) -> list[Point]:
        result = self.formula.value(self.scope, around)
        values = list(result) if isinstance(result, list | tuple) else [result]
        if "array" in declared_types(self.schema) and not all(isinstance(value, list | tuple) for value in values):
            values = [result]
        choices = [Choice.from_value(self.name, self.formula.typed(value, self.schema, around)) for value in values]
        if len({choice.id_text for choice in choices}) != len(choices) or not choices:
            raise self.formula.error(f"gives {result!r}, which has {'a value twice' if choices else 'no value'}")
        return [{self.name: choice} for choice in choices]


class _Combination:
    """Base of the combinations of spaces."""

    def __init__(self, members: Sequence[Space]) -> None:
        self.members = list(members)
        self.names: frozenset[str] = frozenset().union(*(member.names for member in members))
        self.depends_on: frozenset[str] = frozenset().union(*(member.depends_on for member in members))
        self.is_fixed = all(member.is_fixed for member in members)


class Product(_Combination):
    """Every point of one member with every point of the others; the first varies slowest.

    Parameters
    ----------
    members : sequence of Space
        They share no axis; one that looks at another's axes comes after it.
    """

    def __init__(self, members: Sequence[Space]) -> None:
        super().__init__(members)
        self.depends_on -= self.names

    def size(self) -> int:
        """Multiply the sizes."""
        return math.prod(member.size() for member in self.members)

    def points(self, around: Point) -> list[Point]:
        """Cross the members."""
        if self.is_fixed:
            return [_merged(parts) for parts in itertools.product(*(member.points({}) for member in self.members))]
        return list(self._crossed(around, 0))

    def _crossed(self, around: Point, index: int) -> Iterator[Point]:
        if index == len(self.members):
            yield {}
            return
        for chosen in self.members[index].points(around):
            for rest in self._crossed(around | chosen, index + 1):
                yield chosen | rest


class Union(_Combination):
    """The points of one member, then those of the next."""

    def size(self) -> int:
        """Add the sizes."""
        return sum(member.size() for member in self.members)

    def points(self, around: Point) -> list[Point]:
        """Chain the members."""
        return [point for member in self.members for point in member.points(around)]


class Zip(_Combination):
    """The first points of all members, then the second, and so on.

    Parameters
    ----------
    members : sequence of Space
        Of equal size; they share no axis.
    key, where : str
        The key that holds it, and its place, for the message.
    """

    def __init__(self, members: Sequence[Space], key: str, where: str) -> None:
        super().__init__(members)
        self.depends_on -= self.names
        self.key, self.where = key, where

    def size(self) -> int:
        """Return the size of the largest member: a computed axis may be longer than it seems."""
        return max(member.size() for member in self.members)

    def problem(self, sizes: Sequence[int]) -> Problem | None:
        """Return the problem of members that cannot be paired, if their sizes differ."""
        if len(set(sizes)) <= 1:
            return None
        lengths = ", ".join(
            f"{' and '.join(sorted(member.names))} {size}" for member, size in zip(self.members, sizes, strict=True)
        )
        return Problem(f"{self.key!r} pairs members of equal length, but these have: {lengths}", self.where)

    def points(self, around: Point) -> list[Point]:
        """Pair the members."""
        lists = [member.points(around) for member in self.members]
        problem = self.problem([len(member) for member in lists])
        if problem:
            raise InputError([problem])
        return [_merged(parts) for parts in zip(*lists, strict=True)]


def _merged(parts: Sequence[Point]) -> Point:
    point: Point = {}
    for part in parts:
        point.update(part)
    return point
