"""Expressions of a study file with their position: evaluation at points, and errors with file, line and point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.expressions import Expression, ExpressionError, parse_expression
from fairmesh.study.application import Application
from fairmesh.study.values import FRAMEWORK_AXES, Choice, Point, Schema, Value, computed_node, point_id, read_value

_NONE: Mapping[str, Any] = {}


class Scope:
    """Values of names: an axis of the point, a derived name, or else the default of a parameter.

    Parameters
    ----------
    application : Application
        The application, whose parameters and aliases are known.
    """

    def __init__(self, application: Application) -> None:
        self.real_names = dict(application.known_names)
        self.defaults = default_choices(application)

    def add(self, names: Iterable[str]) -> None:
        """Add names that are not parameters: framework axes of the study, and derived names."""
        self.real_names.update((name, name) for name in names)

    def value(self, name: str, point: Point, derived: Mapping[str, Any] = _NONE) -> Any:
        """Return the value of a known name; None for an axis that the point does not have."""
        name = self.real_names[name]
        if name in point:
            return point[name].value
        if name in derived:
            return derived[name]
        return self.defaults[name].value if name in self.defaults else None

    def unknown(self, name: str) -> tuple[str, str]:
        """Return the known names, and the one nearest to an unknown name."""
        return ", ".join(self.real_names), nearest(name, self.real_names)


@dataclass(frozen=True)
class Formula:
    """An expression with its position.

    Parameters
    ----------
    key, where : str
        Its key, and its position as ``file:line:column``.
    expression : Expression
        The expression.
    """

    key: str
    where: str
    expression: Expression

    @classmethod
    def read(cls, text: Any, key: str, where: str) -> Formula:
        """Read an expression.

        Raises
        ------
        InputError
            If it is not an expression.
        """
        if not isinstance(text, str):
            raise InputError([Problem(f"{key!r} must be an expression in quotes", where)])
        try:
            return cls(key, where, parse_expression(text))
        except ExpressionError as error:
            raise InputError([Problem(f"{key!r} is not an expression: {error}", where)]) from error

    def mistakes(self, scope: Scope) -> list[Problem]:
        """Return a problem for each unknown name."""
        problems = []
        for name in sorted(self.expression.names - scope.real_names.keys()):
            what = f"no axis {name!r} in this study" if name in FRAMEWORK_AXES else f"no parameter or axis {name!r}"
            allowed, near = scope.unknown(name)
            problems.append(Problem(f"{self.key!r}: there is {what}", self.where, allowed, near))
        return problems

    def value(self, scope: Scope, point: Point, derived: Mapping[str, Any] = _NONE) -> Any:
        """Compute the value at a point.

        Raises
        ------
        InputError
            If it cannot be computed there.
        """
        values = {name: scope.value(name, point, derived) for name in self.expression.names}
        try:
            return self.expression(values)
        except ExpressionError as error:
            absent = " and ".join(sorted(name for name, value in values.items() if value is None))
            why = f"; there {absent} is null, for which 'NAME != null' asks" if absent else ""
            raise self.error(f"cannot be computed{_at(point)}: {error}{why}") from error

    def typed(self, value: Any, schema: Schema, point: Point) -> Value:
        """Return a computed value, converted to a declared type.

        Raises
        ------
        InputError
            If it is not of that type.
        """
        try:
            return read_value(schema, computed_node(schema, value))
        except ValueError as error:
            raise self.error(f"{error}{_at(point)}") from error

    def error(self, message: str) -> InputError:
        """Return an error with the position of this formula."""
        return InputError([Problem(f"{self.key!r} {message}", self.where)])


def _at(point: Point) -> str:
    return f" for {point_id(point)}" if point else ""


def default_choices(application: Application) -> dict[str, Choice]:
    """Return the default of each parameter that has one."""
    parameters = application.parameters.items()
    return {name: Choice.from_value(name, item.default) for name, item in parameters if item.has_default}
