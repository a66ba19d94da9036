"""Names whose values follow from others: parameters, resources, and names of the study's own that begin with _."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from fairmesh.errors import Problem, nearest
from fairmesh.schema import Node
from fairmesh.study.axes import AxisReader
from fairmesh.study.formulas import Formula, Scope
from fairmesh.study.points import Point
from fairmesh.study.values import FRAMEWORK, RESOURCES, Schema


@dataclass(frozen=True)
class Derived:
    """A derived name.

    Parameters
    ----------
    name : str
        A parameter, a resource, or a name that begins with ``_``.
    formula : Formula
        Gives its value.
    schema : mapping or None
        What the value must be; None for a name of the study's own.
    """

    name: str
    formula: Formula
    schema: Schema | None

    def value(self, scope: Scope, point: Point, derived: dict[str, Any]) -> Any:
        """Compute the value, typed if it has a type."""
        value = self.formula.value(scope, point, derived)
        if self.schema is None or (value is None and self.name in RESOURCES):  # a resource that is not asked for
            return value
        return self.formula.typed(value, self.schema, point)


def derive(every: Sequence[Derived], scope: Scope, point: Point) -> dict[str, Any]:
    """Return the values of derived names at a point; an axis of the point keeps what was chosen for it."""
    values: dict[str, Any] = {}
    for each in every:
        if each.name not in point:
            values[each.name] = each.value(scope, point, values)
    return values


class DeriveReader:
    """Reads what a study derives.

    Parameters
    ----------
    axes : AxisReader
        Knows the names, and collects the mistakes.
    """

    def __init__(self, axes: AxisReader) -> None:
        self._axes = axes

    def read(self, node: Node, taken: frozenset[str]) -> list[Derived]:
        """Read the map of names to expressions; each comes after those that it needs.

        Parameters
        ----------
        node : Node
            The map.
        taken : frozenset of str
            The axes of the study, which cannot be derived too.
        """
        found: dict[str, Derived] = {}
        for given, value in node.entries.items():
            where = node.key_place(self._axes.path, given)
            each = self._one(given, value, where, taken | found.keys())
            if each:
                found[each.name] = each
        self._axes.scope.add(found.keys())
        return self._ordered(found, node)

    def _one(self, given: str, node: Node, where: str, taken: frozenset[str]) -> Derived | None:
        key = f"derive.{given}"
        name = given if given.startswith("_") else self._name(given, key, where)
        if name is None:
            return None
        if name in taken:
            self._axes.problems.append(Problem(f"{key!r}: {name!r} has its values from elsewhere already", where))
            return None
        formula = self._axes.formula(key, node)
        return Derived(name, formula, self._axes.schemas.get(name)) if formula else None

    def _name(self, given: str, key: str, where: str) -> str | None:
        names = self._axes.scope.real_names
        name = names.get(given, given)
        if name in self._axes.schemas and (name in RESOURCES or name not in FRAMEWORK):
            return name
        message = f"{key!r} is no parameter, no resource, and does not begin with _"
        near = nearest(given, [*names, *RESOURCES])
        self._axes.problems.append(Problem(message, where, ", ".join([*names, "Snakemake's resources", "_..."]), near))
        return None

    def _ordered(self, found: dict[str, Derived], node: Node) -> list[Derived]:
        real = self._axes.scope.real_names
        graph = {
            name: {real.get(used, used) for used in each.formula.expression.names} & found.keys()
            for name, each in found.items()
        }
        try:
            return [found[name] for name in TopologicalSorter(graph).static_order()]
        except CycleError as error:
            self._axes.note(f"'derive' computes names from each other: {' -> '.join(error.args[1])}", node)
            return list(found.values())
