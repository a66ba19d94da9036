"""Parse and compute expressions: Jinja2's, in a sandbox, bounded in time and size.

An expression has names, numbers, texts, lists, maps and calls of our functions, such as ``round(x, 1)``. Jinja2's
filters (``x | round(1)``) and Python's methods (``x.upper()``) are refused with the call that replaces them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from fairmesh.expressions import functions
from fairmesh.expressions.functions import SizeLimitError

MAX_TEXT = 2000  # characters of an expression

_INTERCEPTED: dict[str, Callable[[Any, Any], Any]] = {
    "+": functions.add,
    "*": functions.multiply,
    "**": functions.power,
    "%": functions.modulo,
}


class ExpressionError(ValueError):
    """An expression cannot be parsed or computed; the message says why."""


@dataclass(frozen=True)
class Expression:
    """A text that was read as an expression.

    Parameters
    ----------
    text : str
        As it was written.
    names : frozenset of str
        The names that it needs.
    compute : callable
        Jinja2's compiled form.
    """

    text: str
    names: frozenset[str]
    compute: Callable[..., Any] = field(repr=False, compare=False)

    def __call__(self, values: Mapping[str, Any]) -> Any:
        """Compute the value.

        Parameters
        ----------
        values : mapping
            A value for each of ``names``.

        Returns
        -------
        int, float, str, bool, None, list or dict
            Numbers are finite, and all is small.

        Raises
        ------
        ExpressionError
            If it cannot be computed, or is too large.

        Examples
        --------
        >>> parse_expression("30 + epochs * 8")({"epochs": 2})
        46
        """
        return _guarded(self.compute, **{name: values[name] for name in self.names})


def parse_expression(text: str) -> Expression:
    """Read an expression.

    Raises
    ------
    ExpressionError
        If the text is not an expression.

    Examples
    --------
    >>> sorted(parse_expression("epochs > 1 and gpu in ['a100', 'v100']").names)
    ['epochs', 'gpu']
    """
    import jinja2  # noqa: PLC0415  it costs more to import than most studies cost to plan
    from jinja2 import meta, nodes  # noqa: PLC0415

    if len(text) > MAX_TEXT:
        raise ExpressionError(f"an expression has at most {MAX_TEXT} characters")
    try:
        compiled = _environment().compile_expression(text, undefined_to_none=False)
        tree = _environment().parse("{{ (" + text + "\n) }}")
        _check_calls(tree)
        for constant in tree.find_all(nodes.Const):
            functions.check_bounds(constant.value)
        _check_powers(text)
    except ExpressionError:
        raise
    except jinja2.TemplateError as error:
        raise ExpressionError(_explain(error)) from error
    except SizeLimitError as error:
        raise ExpressionError(str(error)) from error
    except (RecursionError, MemoryError, SyntaxError, OverflowError, ValueError) as error:
        raise ExpressionError("it is nested too deep, or a number in it is too long") from error
    names = frozenset(meta.find_undeclared_variables(tree)) - functions.FUNCTIONS.keys() - functions.CONSTANTS.keys()
    return Expression(text, names, compiled)


def _check_calls(tree: Any) -> None:
    """Refuse filters and methods, and name the call that replaces them."""
    from jinja2 import nodes  # noqa: PLC0415  as above

    for node in tree.find_all((nodes.Filter, nodes.Call)):
        name, subject, written = "", None, ""
        if isinstance(node, nodes.Filter):
            name, subject, written = node.name, node.node, f"... | {node.name}"
        elif isinstance(node.node, nodes.Getattr):
            name, subject, written = node.node.attr, node.node.node, f"....{node.node.attr}(...)"
        if name and name not in functions.FUNCTIONS:
            raise ExpressionError(f"there is no function {name!r}; there are {', '.join(functions.FUNCTIONS)}")
        if name:
            operand = subject.name if isinstance(subject, nodes.Name) else "x"
            call = f"{name}({operand}{', ...' if node.args else ''})"
            raise ExpressionError(f"write {call} instead of {written.replace('...', operand, 1)}")


def _check_powers(text: str) -> None:
    """Refuse ``a ** b ** c``, of which mathematics (and Python) takes the right power first, and Jinja2 the left."""
    powers = [False]  # at each depth of brackets, whether the operand at hand is a power
    for _, kind, part in _environment().lex("{{ " + text + " }}"):
        if part in ("(", "[", "{"):
            powers.append(False)
        elif part in (")", "]", "}"):
            powers.pop()
        elif part == "**":
            if powers[-1]:
                raise SizeLimitError("a ** b ** c can be read in two ways; write parentheses")
            powers[-1] = True
        elif kind == "operator" and part != ".":
            powers[-1] = False


@dataclass(frozen=True)
class Template:
    """A text with expressions in it.

    Parameters
    ----------
    text : str
        As it was written.
    names : frozenset of str
        The names that it needs; one whose part alone is asked for comes with it, as ``stage.scenes``.
    fill : callable
        Jinja2's compiled form.
    """

    text: str
    names: frozenset[str]
    fill: Callable[..., Any] = field(repr=False, compare=False)

    def __call__(self, values: Mapping[str, Any]) -> str:
        """Fill in the values.

        Raises
        ------
        ExpressionError
            If they cannot be filled in, or the text becomes too long.

        Examples
        --------
        >>> parse_template("--lr={{ rate }}")({"rate": 0.1})
        '--lr=0.1'
        """
        return str(_guarded(self.fill, values))


def parse_template(text: str) -> Template:
    """Read a text with ``{{ }}`` in it, for the same sandbox.

    Raises
    ------
    ExpressionError
        If something between the braces is not an expression.

    Examples
    --------
    >>> sorted(parse_template("--lr={{ rate }} {{ stage.scenes }}").names)
    ['rate', 'stage.scenes']
    """
    import jinja2  # noqa: PLC0415  as above
    from jinja2 import meta, nodes  # noqa: PLC0415

    try:
        read = _environment().from_string(text)
        tree = _environment().parse(text)
        _check_calls(tree)
    except jinja2.TemplateError as error:
        raise ExpressionError(_explain(error)) from error
    parts = {
        f"{found.node.name}.{found.attr}": found.node.name
        for found in tree.find_all(nodes.Getattr)
        if isinstance(found.node, nodes.Name)
    }
    plain = meta.find_undeclared_variables(tree) - set(parts.values()) - functions.FUNCTIONS.keys()
    return Template(text, frozenset(plain | parts.keys()), read.render)


def _guarded(compute: Callable[..., Any], *arguments: Any, **values: Any) -> Any:
    """Compute a result that is a small value; every failure becomes an `ExpressionError`."""
    from jinja2 import TemplateError, Undefined  # noqa: PLC0415  as above

    try:
        result = compute(*arguments, **values)
        if isinstance(result, Undefined):
            result._fail_with_undefined_error()  # raises with what is missing
        return functions.check_bounds(result)
    except RecursionError as error:
        raise ExpressionError("it is nested too deep") from error
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TimeoutError, TypeError, ValueError) as error:
        raise ExpressionError(str(error).removeprefix("math ")) from error


@cache
def _environment() -> Any:
    from jinja2 import StrictUndefined  # noqa: PLC0415  as above
    from jinja2.exceptions import SecurityError  # noqa: PLC0415
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    class Sandbox(ImmutableSandboxedEnvironment):
        """Jinja2's sandbox, whose only functions are ours."""

        intercepted_binops = frozenset(_INTERCEPTED)

        def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
            return _INTERCEPTED[operator](left, right)

        def call(self, context: Any, called: Any, /, *args: Any, **kwargs: Any) -> Any:
            if called not in functions.FUNCTIONS.values():
                raise SecurityError("only these functions can be called: " + ", ".join(functions.FUNCTIONS))
            return called(*args, **kwargs)

    sandbox = Sandbox(undefined=StrictUndefined, optimized=False)
    sandbox.globals = functions.CONSTANTS | functions.FUNCTIONS
    sandbox.filters = dict(functions.FUNCTIONS)  # so that a filter is parsed, and refused with the right call
    sandbox.policies["json.dumps_function"] = json.dumps
    return sandbox


def _explain(error: Exception) -> str:
    """Return the message of Jinja2's parser in terms of expressions."""
    text = str(error)
    for found, meant in _IN_WORDS.items():
        text = text.replace(found, meant)
    return text.rstrip(".")


_IN_WORDS = {
    "chunk after expression": "something follows its end; perhaps an operator is missing",
    "unexpected 'end of template'": "it ends where more is expected",
    "'end of print statement'": "its end",
    "template": "expression",
    "No filter named": "there is no function",
}
