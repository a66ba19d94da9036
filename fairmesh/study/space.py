"""The algebra of parameter spaces: axes, and products, zips and unions of spaces.

A space yields points, which assign values to some axes. A computed axis depends on values of other axes, so every space
is expanded for the point that the spaces before it have yielded.
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
        """The axes that it assigns values to."""

    @property
    def depends_on(self) -> frozenset[str]:
        """The axes outside of it that its computed axes depend on."""

    @property
    def is_fixed(self) -> bool:
        """Whether it has no computed axis."""

    def size(self) -> int:
        """Return the number of its points; a computed axis counts as one."""

    def points(self, around: Point) -> list[Point]:
        """Return its points, given the values of other axes."""


@dataclass(frozen=True)
class Axis:
    """An axis with given values.

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
        """Return the number of values."""
        return len(self.choices)

    def points(self, around: Point) -> list[Point]:
        """Return one point for each value."""
        return [{self.name: choice} for choice in self.choices]


@dataclass(frozen=True)
class ComputedAxis:
    """An axis whose values are computed from other axes.

    Parameters
    ----------
    name : str
        The axis.
    formula : Formula
        The formula of one value, or of a list of values.
    schema : mapping
        The schema of a value.
    scope : Scope
        The values of the formula's names.
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
        """The axes and parameters that the formula names, without aliases."""
        return frozenset(self.scope.real_names.get(name, name) for name in self.formula.expression.names)

    def size(self) -> int:
        """Return 1, since the values are not known yet."""
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
    """All combinations of the points of the members; the first one varies slowest.

    Parameters
    ----------
    members : sequence of Space
        The members, without common axes; one that depends on another comes after it.
    """

    def __init__(self, members: Sequence[Space]) -> None:
        super().__init__(members)
        self.depends_on -= self.names

    def size(self) -> int:
        """Return the product of the sizes."""
        return math.prod(member.size() for member in self.members)

    def points(self, around: Point) -> list[Point]:
        """Return the combinations of the members' points."""
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
        """Return the sum of the sizes."""
        return sum(member.size() for member in self.members)

    def points(self, around: Point) -> list[Point]:
        """Return the points of all members."""
        return [point for member in self.members for point in member.points(around)]


class Zip(_Combination):
    """The first points of all members, then the second, and so on.

    Parameters
    ----------
    members : sequence of Space
        The members, of equal size and without common axes.
    key, where : str
        Its key and its position, for messages.
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
        """Return the points of the members, paired."""
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
