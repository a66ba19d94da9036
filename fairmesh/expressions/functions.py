"""The functions and operators of expressions; each bounds the size of what it makes before it makes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

MAX_ITEMS = 100_000  # members of a list, or characters of a text
MAX_BITS = 128  # of a whole number
_SECONDS = 1.0  # that a regular expression may take


class SizeLimitError(ValueError):
    """A value would be too large."""


def check_bounds(value: Any) -> Any:
    """Return a value if it is small and all its numbers are finite.

    Raises
    ------
    UnboundedError
        If it is not.
    TypeError
        If it is no value of YAML, such as a function.
    """
    _count(value, 0)
    return value


def _count(value: Any, seen: int) -> int:
    seen += 1
    if isinstance(value, str):
        seen += len(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            seen = _count(item, _count(key, seen))
    elif isinstance(value, list | tuple | range):
        for item in value:
            seen = _count(item, seen)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise SizeLimitError(f"the result is {value}, not a finite number")
    elif isinstance(value, int):
        _check_bits(value.bit_length())
    elif value is not None:
        raise TypeError(f"the result is no value but {type(value).__name__.lower()}")
    _check_items(seen)
    return seen


def _check_items(count: float) -> None:
    if count > MAX_ITEMS + 1:
        raise SizeLimitError(f"more than {MAX_ITEMS} characters or members are too many")


def _check_bits(count: float) -> None:
    if count > MAX_BITS:
        raise SizeLimitError(f"a whole number of more than {MAX_BITS} bits is too large")


def _is_sequence(value: Any) -> bool:
    return isinstance(value, str | list | tuple | range)


def add(left: Any, right: Any) -> Any:
    """Add numbers, or join texts or lists."""
    if _is_sequence(left) and _is_sequence(right):
        _check_items(len(left) + len(right))
        if not isinstance(left, str) and not isinstance(right, str):
            return [*left, *right]
    return left + right


def multiply(left: Any, right: Any) -> Any:
    """Multiply numbers, or repeat a text or list."""
    for many, times in ((left, right), (right, left)):
        if _is_sequence(many) and isinstance(times, int):
            _check_items(len(many) * times)
    if isinstance(left, int) and isinstance(right, int):
        _check_bits(left.bit_length() + right.bit_length() - 1)
    return left * right


def power(base: Any, exponent: Any) -> Any:
    """Raise to a power."""
    if isinstance(base, int) and isinstance(exponent, int) and exponent > 0 and abs(base) > 1:
        _check_bits((abs(base).bit_length() - 1) * exponent)
    result = base**exponent
    if type(result) is complex:
        raise ArithmeticError(f"{base} ** {exponent} is not a real number")
    return result


def modulo(left: Any, right: Any) -> Any:
    """Return the remainder; a text is not a pattern here."""
    if isinstance(left, str):
        raise TypeError("% does not work on a text")
    return left % right


def _range(*limits: int) -> list[int]:
    numbers = range(*limits)
    _check_items(len(numbers) if max(map(abs, limits)) < 2**62 else math.inf)
    return list(numbers)


def _int(value: Any) -> int:
    if isinstance(value, str):
        _check_bits(len(value))  # fewer digits than bits
    return int(value)


def _replace(text: str, old: str, new: str) -> str:
    _check_items(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def _join(items: Iterable[Any], separator: str = "") -> str:
    texts = [str(item) for item in items]
    _check_items(sum(map(len, texts)) + len(separator) * len(texts))
    return separator.join(texts)


def _zfill(value: Any, width: int) -> str:
    _check_items(width)
    return str(value).zfill(width)


def _of_text(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of texts as a function that takes the text of any value."""
    return lambda value, *arguments: method(str(value), *arguments)


def _round(value: Any, digits: int = 0) -> Any:
    return round(value) if digits == 0 else round(value, digits)


def whole_match(text: Any, pattern: str) -> bool:
    """Return whether a regular expression matches the whole text of a value.

    Raises
    ------
    ValueError
        If it is not a regular expression.
    TimeoutError
        If it takes more than a second, as ``(a+)+b`` can.
    """
    return _regex(text, pattern, "fullmatch")


def _search(text: Any, pattern: str) -> bool:
    return _regex(text, pattern, "search")


def _regex(text: Any, pattern: str, method: str) -> bool:
    import regex  # noqa: PLC0415  unlike Python's re it knows a time limit; few studies need it

    try:
        return bool(getattr(regex, method)(pattern, str(text), timeout=_SECONDS))
    except regex.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    except TimeoutError as error:
        raise TimeoutError(f"the regular expression {pattern!r} takes too long") from error


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "round": _round,
    "floor": math.floor,
    "ceil": math.ceil,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "int": _int,
    "float": float,
    "str": str,
    "len": len,
    "sum": sum,
    "range": _range,
    "list": list,
    "sorted": sorted,
    "first": lambda items: list(items)[0],  # noqa: RUF015  a text has a first character too
    "last": lambda items: list(items)[-1],
    "join": _join,
    "lower": _of_text(str.lower),
    "upper": _of_text(str.upper),
    "strip": _of_text(str.strip),
    "startswith": _of_text(str.startswith),
    "endswith": _of_text(str.endswith),
    "replace": _replace,
    "split": _of_text(str.split),
    "zfill": _zfill,
    "matches": whole_match,
    "search": _search,
}
"""The functions that an expression can call, by name."""

CONSTANTS: dict[str, Any] = {"null": None}
"""Names with a fixed value: a word of YAML that Jinja2 does not know."""
