"""The rules of a study: names that are derived at each point, and points that are excluded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, Protocol

from fairmesh.errors import Problem, nearest
from fairmesh.expressions.functions import whole_match
from fairmesh.names import plain_text, value_text
from fairmesh.schema import Node
from fairmesh.schema.wording import describe_value
from fairmesh.study.formulas import Formula, Scope
from fairmesh.study.parameters import AxisReader
from fairmesh.study.values import FRAMEWORK_AXES, RESOURCES, Point, Schema, declared_types


@dataclass(frozen=True)
class DerivedName:
    """A derived name.

    Parameters
    ----------
    name : str
        A parameter, a resource, or a name that begins with ``_``.
    formula : Formula
        The formula of its value.
    schema : mapping or None
        The schema of the value; None for a name that begins with ``_``.
    """

    name: str
    formula: Formula
    schema: Schema | None

    def value(self, scope: Scope, point: Point, derived: dict[str, Any]) -> Any:
        """Compute the value, converted to its type if it has one."""
        value = self.formula.value(scope, point, derived)
        if self.schema is None or (value is None and self.name in RESOURCES):  # a resource that is not requested
            return value
        return self.formula.typed(value, self.schema, point)


def compute_derived(names: Sequence[DerivedName], scope: Scope, point: Point) -> dict[str, Any]:
    """Return the values of derived names at a point; axes of the point keep their values."""
    values: dict[str, Any] = {}
    for derived_name in names:
        if derived_name.name not in point:
            values[derived_name.name] = derived_name.value(scope, point, values)
    return values


class DeriveReader:
    """Reads the derived names of a study.

    Parameters
    ----------
    axes : AxisReader
        The reader that knows the names and collects the mistakes.
    """

    def __init__(self, axes: AxisReader) -> None:
        self._axes = axes

    def read(self, node: Node, taken: frozenset[str]) -> list[DerivedName]:
        """Read the map of names to expressions; return each name after those that it needs.

        Parameters
        ----------
        node : Node
            The map.
        taken : frozenset of str
            The axes of the study, which cannot be derived too.
        """
        derived_names: dict[str, DerivedName] = {}
        for given, value in node.entries.items():
            where = node.key_place(self._axes.path, given)
            derived_name = self._one(given, value, where, taken | derived_names.keys())
            if derived_name:
                derived_names[derived_name.name] = derived_name
        self._axes.scope.add(derived_names.keys())
        return self._ordered(derived_names, node)

    def _one(self, given: str, node: Node, where: str, taken: frozenset[str]) -> DerivedName | None:
        key = f"derive.{given}"
        name = given if given.startswith("_") else self._name(given, key, where)
        if name is None:
            return None
        if name in taken:
            self._axes.problems.append(Problem(f"{key!r}: {name!r} already gets its values elsewhere", where))
            return None
        formula = self._axes.formula(key, node)
        return DerivedName(name, formula, self._axes.schemas.get(name)) if formula else None

    def _name(self, given: str, key: str, where: str) -> str | None:
        names = self._axes.scope.real_names
        name = names.get(given, given)
        if name in self._axes.schemas and (name in RESOURCES or name not in FRAMEWORK_AXES):
            return name
        message = f"{key!r} is no parameter, no resource, and does not begin with _"
        near = nearest(given, [*names, *RESOURCES])
        self._axes.problems.append(Problem(message, where, ", ".join([*names, "Snakemake's resources", "_..."]), near))
        return None

    def _ordered(self, derived_names: dict[str, DerivedName], node: Node) -> list[DerivedName]:
        real = self._axes.scope.real_names
        graph = {
            name: {real.get(used, used) for used in derived_name.formula.expression.names} & derived_names.keys()
            for name, derived_name in derived_names.items()
        }
        try:
            return [derived_names[name] for name in TopologicalSorter(graph).static_order()]
        except CycleError as error:
            self._axes.note(f"'derive' computes names from each other: {' -> '.join(error.args[1])}", node)
            return list(derived_names.values())


MATCHES = "matches"


class ValueTest(Protocol):
    """A test of a value."""

    def __call__(self, value: Any) -> bool:
        """Return whether a value matches."""


@dataclass(frozen=True)
class OneOf:
    """Test whether a value is one of these, compared as texts: 1 is not true."""

    texts: frozenset[str]

    def __call__(self, value: Any) -> bool:
        """Return whether a value is one of them."""
        return value_text(value) in self.texts


@dataclass(frozen=True)
class Pattern:
    """Test whether a regular expression matches the whole text of a value."""

    pattern: str

    def __call__(self, value: Any) -> bool:
        """Return whether it matches; null does not."""
        return value is not None and whole_match(plain_text(value), self.pattern)


@dataclass(frozen=True)
class Exclusion:
    """A rule that excludes the points for which all tests succeed, or the expression is true.

    Parameters
    ----------
    where : str
        Its position in the study file.
    tests : mapping of str to callable
        Tests by name of a parameter, an axis, or a derived value.
    formula : Formula, optional
        The expression, in place of tests.
    """

    where: str
    tests: Mapping[str, ValueTest]
    formula: Formula | None = None

    def matches(self, scope: Scope, point: Point, derived: Mapping[str, Any]) -> bool:
        """Return whether a point is excluded."""
        if self.formula:
            return bool(self.formula.value(scope, point, derived))
        return all(test(scope.value(name, point, derived)) for name, test in self.tests.items())


class ExclusionReader:
    """Reads the excludes of a study.

    Parameters
    ----------
    axes : AxisReader
        The reader that knows the names and collects the mistakes.
    known : collection of str
        The axes of the study, and the names that it derives.
    """

    def __init__(self, axes: AxisReader, known: frozenset[str]) -> None:
        self._axes = axes
        self._known = known

    def read(self, node: Node) -> list[Exclusion]:
        """Read the list; entries with mistakes are left out."""
        exclusions = (self._entry(f"exclude[{index}]", member) for index, member in enumerate(node.members))
        return [exclusion for exclusion in exclusions if exclusion]

    def _entry(self, key: str, node: Node) -> Exclusion | None:
        where = node.place(self._axes.path)
        if isinstance(node.value, str):
            formula = self._axes.formula(key, node)
            return Exclusion(where, {}, formula) if formula else None
        if not node.entries:
            self._axes.note(f"{key!r} must be a map of names to values, or an expression", node)
        before = len(self._axes.problems)
        tests = self._tests(key, node)
        return Exclusion(where, tests) if len(self._axes.problems) == before else None

    def _tests(self, key: str, node: Node) -> dict[str, ValueTest]:
        tests: dict[str, ValueTest] = {}
        for given, value in node.entries.items():
            where = node.key_place(self._axes.path, given)
            name = given if given in self._known else self._axes.name(given, key, where)
            if name is None:
                continue
            if name in tests:
                self._axes.problems.append(Problem(f"'{key}.{given}' is named twice", where))
            elif name in FRAMEWORK_AXES and name not in self._known:
                known = ", ".join(sorted(self._known))
                self._axes.problems.append(Problem(f"'{key}.{given}' is not an axis of this study", where, known))
            else:
                test = self._test(name, f"{key}.{given}", value)
                tests |= {name: test} if test else {}
        return tests

    def _test(self, name: str, key: str, node: Node) -> ValueTest | None:
        if node.entries.keys() == {MATCHES}:
            return self._pattern(f"{key}.{MATCHES}", node.entries[MATCHES])
        schema = self._axes.schemas.get(name)
        if schema is None:  # a derived name that begins with _
            return OneOf(frozenset(map(value_text, _any_of(node.plain()))))
        several = isinstance(node.value, list) and "array" not in declared_types(schema)
        choices = [self._axes.choice(name, key, member) for member in (node.members if several else [node])]
        return OneOf(frozenset(value_text(choice.value) for choice in choices if choice))

    def _pattern(self, key: str, node: Node) -> Pattern | None:
        if isinstance(node.value, dict | list | None):
            self._axes.note(f"{key!r} must be a regular expression, not {describe_value(node)}", node)
            return None
        pattern = node.text or str(node.value)
        try:
            whole_match("", pattern)
        except ValueError as error:
            self._axes.note(f"{key!r}: {error}", node)
            return None
        return Pattern(pattern)


def _any_of(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]
