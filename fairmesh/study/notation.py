"""Cloudmesh's notation for several values in one text: ``1,30,60``, ``[1-5]``, ``a[0-2]``, ``[001-003]``."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator

MAX_VALUES = 1_000_000

_SPAN = re.compile(r"(\d+)-(\d+)", re.ASCII)
_STEPPED = re.compile(r"\d+-\d+:\d+", re.ASCII)


def is_notation(text: str) -> bool:
    """Return whether a text stands for several: there is a comma or a bracket in it."""
    return any(sign in text for sign in ",[]")


def expand_notation(text: str, gaps: bool = False) -> list[str]:
    """Return the texts that a text stands for.

    Commas separate; brackets hold spans of whole numbers, whose width is kept, and texts; several brackets are
    crossed, the last varying fastest.

    Parameters
    ----------
    text : str
        In the notation.
    gaps : bool
        Whether nothing may stand between two commas; it is left out, as Cloudmesh does.

    Raises
    ------
    ValueError
        If a bracket has no partner, a part is empty, a span runs backwards, or there are too many.

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
    """Yield the parts between the commas that no bracket holds."""
    start = depth = 0
    for at, sign in enumerate(text):
        depth += (sign == "[") - (sign == "]")
        if depth not in (0, 1):
            raise ValueError(f"has a '{sign}' too many")
        if sign == "," and not depth:
            yield text[start:at]
            start = at + 1
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
    return [_members(piece) if at % 2 else [piece] for at, piece in enumerate(plain_and_bracketed) if at % 2 or piece]


def _members(inside: str) -> list[str]:
    found: list[str] = []
    for member in inside.split(","):
        span = _SPAN.fullmatch(_filled(member))
        found += _numbers(*span.groups()) if span else [_single(member.strip())]
    return found


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
