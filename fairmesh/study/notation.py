"""Several values in one entry: Cloudmesh's notation (``1,30,60``, ``a[0-2]``), and ranges of exact decimal numbers."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping
from decimal import Context, Decimal, DecimalException
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from fairmesh.schema.model import Model, meaning

MAX_VALUES = 1_000_000

_SPAN = re.compile(r"(\d+)-(\d+)", re.ASCII)
_STEPPED = re.compile(r"\d+-\d+:\d+", re.ASCII)


def is_notation(text: str) -> bool:
    """Return whether a text stands for several values: it contains a comma or a bracket."""
    return any(sign in text for sign in ",[]")


def expand_notation(text: str, gaps: bool = False) -> list[str]:
    """Return the texts that a text stands for.

    Commas separate values. Brackets contain texts and spans of integers, whose width is kept. Several brackets are
    crossed; the last one varies fastest.

    Parameters
    ----------
    text : str
        A text in the notation.
    gaps : bool
        Whether empty parts between commas are allowed; they are left out, as in Cloudmesh.

    Raises
    ------
    ValueError
        If a bracket is not closed, a part is empty, a span runs backwards, or there are too many values.

    Examples
    --------
    >>> expand_notation("1,30,60")
    ['1', '30', '60']
    >>> expand_notation("a[0-2,7]")
    ['a0', 'a1', 'a2', 'a7']
    >>> expand_notation("[08-10]")
    ['08', '09', '10']
    >>> expand_notation("[0-1][0-1]")
    ['00', '01', '10', '11']
    """
    parts = [part for part in _split(text) if part.strip() or not gaps]
    pieces = [_alternatives(_filled(part)) for part in parts]
    if sum(math.prod(map(len, piece)) for piece in pieces) > MAX_VALUES:
        raise ValueError(f"stands for more than {MAX_VALUES} values")
    return ["".join(texts) for piece in pieces for texts in itertools.product(*piece)]


def _split(text: str) -> Iterator[str]:
    """Yield the parts between the commas outside of brackets."""
    start = depth = 0
    for index, sign in enumerate(text):
        depth += (sign == "[") - (sign == "]")
        if depth not in (0, 1):
            raise ValueError(f"has a '{sign}' too many")
        if sign == "," and not depth:
            yield text[start:index]
            start = index + 1
    if depth:
        raise ValueError("has a '[' without its ']'")
    yield text[start:]


def _filled(part: str) -> str:
    if not part.strip():
        raise ValueError("has an empty part between commas")
    return part.strip()


def _alternatives(part: str) -> list[list[str]]:
    """Return the choices for each piece of a part: a plain text has one."""
    plain_and_bracketed = re.split(r"\[([^\]]*)\]", part)
    return [
        _members(piece) if index % 2 else [piece]
        for index, piece in enumerate(plain_and_bracketed)
        if index % 2 or piece
    ]


def _members(inside: str) -> list[str]:
    members: list[str] = []
    for member in inside.split(","):
        span = _SPAN.fullmatch(_filled(member))
        members += _numbers(*span.groups()) if span else [_single(member.strip())]
    return members


def _single(member: str) -> str:
    if _STEPPED.fullmatch(member):
        first, last, step = re.split("[-:]", member)
        raise ValueError(f"has no steps; write {{from: {first}, to: {last}, step: {step}}} in place of [{member}]")
    return member


def _numbers(first: str, last: str) -> list[str]:
    count = int(last) - int(first) + 1 if len(last) < 20 else math.inf
    if count > MAX_VALUES:
        raise ValueError(f"stands for more than {MAX_VALUES} values")
    if count < 1:
        raise ValueError(f"has the span {first}-{last}, which runs backwards")
    return [str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]


# Division, logarithms and exponentials lose some of these digits; a float needs 17 of the remaining ones.
_CONTEXT = Context(prec=60)
_EXACT = Context(prec=40)


class Range(Model):
    """Evenly spaced numbers; both ends are included.

    With ``scale: log`` neighbors have the same ratio, and ``step`` is that ratio.
    """

    model_config = ConfigDict(title="range")

    from_: Annotated[float, Field(alias="from"), meaning("The first value.", 0.1)]
    to: Annotated[float, meaning("The last value.", 0.5)]
    step: Annotated[
        float | None, meaning("Difference between neighboring values; with `scale: log`, their ratio.", 0.1)
    ] = None
    count: Annotated[
        Annotated[int, Field(ge=1, le=MAX_VALUES)] | None, meaning("Number of values, instead of `step`.", 5)
    ] = None
    scale: Annotated[
        Literal["linear", "log"], meaning("Whether neighboring values have equal differences or equal ratios.")
    ] = "linear"


def range_values(texts: Mapping[str, str], scale: str) -> list[Decimal]:
    """Return the values of a range.

    Parameters
    ----------
    texts : mapping
        ``from``, ``to``, and one of ``step`` and ``count``, as written in the file.
    scale : str
        ``linear`` or ``log``.

    Raises
    ------
    ValueError
        If it is not a valid range.

    Examples
    --------
    >>> [str(value) for value in range_values({"from": "0.1", "to": "0.3", "step": "0.1"}, "linear")]
    ['0.1', '0.2', '0.3']
    >>> [float(value) for value in range_values({"from": "1e-4", "to": "1e-2", "count": "3"}, "log")]
    [0.0001, 0.001, 0.01]
    """
    if ("step" in texts) == ("count" in texts):
        raise ValueError(
            "has 'step' and 'count', of which one is enough" if "step" in texts else "needs 'step' or 'count'"
        )
    first, last = _CONTEXT.create_decimal(texts["from"]), _CONTEXT.create_decimal(texts["to"])
    if not first.is_finite() or not last.is_finite():
        raise ValueError("must run from one finite number to another")
    if scale == "log" and (first <= 0 or last <= 0):
        raise ValueError("has a logarithmic scale, which needs numbers above 0")
    try:
        if "count" in texts:
            return _counted(first, last, int(texts["count"]), scale)
        return _stepped(first, last, _CONTEXT.create_decimal(texts["step"]), scale)
    except DecimalException as error:
        raise ValueError("has numbers too large or too small to compute with") from error


def _counted(first: Decimal, last: Decimal, count: int, scale: str) -> list[Decimal]:
    if count == 1:
        if first != last:
            raise ValueError("has 'count: 1' but two ends")
        return [first]
    if first == last:
        raise ValueError(f"has {count} values from {first} to {last}, all the same")
    if scale == "linear":
        width = _CONTEXT.divide(_CONTEXT.subtract(last, first), Decimal(count - 1))
        inner = [_CONTEXT.fma(width, Decimal(index), first) for index in range(1, count - 1)]
    else:
        start = _CONTEXT.ln(first)
        width = _CONTEXT.divide(_CONTEXT.subtract(_CONTEXT.ln(last), start), Decimal(count - 1))
        inner = [_CONTEXT.exp(_CONTEXT.fma(width, Decimal(index), start)) for index in range(1, count - 1)]
    return [first, *map(_EXACT.plus, inner), last]


def _stepped(first: Decimal, last: Decimal, step: Decimal, scale: str) -> list[Decimal]:
    neutral = Decimal(scale == "log")  # the neutral element: 1 for factors, 0 for summands
    if not step.is_finite() or step == neutral or (scale == "log" and step <= 0):
        raise ValueError(f"has the step {step}, which does not change the value")
    if first != last and (step > neutral) != (last > first):
        raise ValueError(f"runs from {first} to {last}, but the step {step} goes the other way")
    if scale == "linear":
        count = int(_CONTEXT.divide_int(_CONTEXT.subtract(last, first), step)) + 1
        _check_count(count)
        return [_CONTEXT.fma(step, Decimal(index), first) for index in range(count)]
    values = [first]
    while (step > 1) == ((following := _CONTEXT.multiply(values[-1], step)) <= last) or following == last:
        values.append(following)
        _check_count(len(values))
    return values


def _check_count(count: int) -> None:
    if count > MAX_VALUES:
        raise ValueError(f"has more than {MAX_VALUES} values")
