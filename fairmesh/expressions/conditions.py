"""Conditions that select experiments, such as ``--where``: expressions, with their mistakes as input errors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.expressions.parsing import Expression, ExpressionError, parse_expression

WHERE = "--where"
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_ASSIGNMENT = re.compile(r"(?<![=!<>])=(?!=)")


@dataclass(frozen=True)
class Condition:
    """A condition over known names.

    Parameters
    ----------
    expression : Expression
        The expression that must be true.
    known : dict
        The names that it may use, each without a value.
    where : str
        The option or key that holds it, for messages.
    """

    expression: Expression
    known: dict[str, None]
    where: str = WHERE

    @classmethod
    def parse(cls, text: str, known: Iterable[str], what: str, where: str = WHERE) -> Condition:
        """Parse a condition.

        Parameters
        ----------
        text : str
            As it was written.
        known : iterable of str
            The names that it may use; all, if there is none.
        what : str
            What is selected from, for messages.
        where : str
            The option or key that holds it, for messages.

        Raises
        ------
        InputError
            If it is not an expression, or uses unknown names.

        Examples
        --------
        >>> Condition.parse("epochs > 1", ["epochs"], "quick")({"epochs": 4})
        True
        """
        try:
            expression = parse_expression(text)
        except ExpressionError as error:
            advice = "; to compare, write ==" if _ASSIGNMENT.search(_QUOTED.sub("", text)) else ""
            raise InputError([Problem(f"not an expression: {error}{advice}", where)]) from error
        names = dict.fromkeys(known)
        missing = sorted(expression.names - names.keys())
        if missing and names:
            raise InputError(
                Problem(
                    f"there is no {name!r} in {what}{_quotes(name, text)}",
                    where,
                    ", ".join(names),
                    nearest(name, names),
                )
                for name in missing
            )
        return cls(expression, names, where)

    def __call__(self, values: Mapping[str, Any]) -> bool:
        """Return whether the condition holds; a name without a value is null.

        Raises
        ------
        InputError
            If it cannot be computed.
        """
        try:
            return bool(self.expression({**self.known, **values}))
        except ExpressionError as error:
            raise InputError([Problem(f"cannot be computed: {error}", self.where)]) from error


def _quotes(name: str, text: str) -> str:
    """Return the advice to quote a name that is compared like a text; empty for other names."""
    return f"; quote a text: {name!r}" if re.search(rf"[=!]=\s*{re.escape(name)}\b", text) else ""
