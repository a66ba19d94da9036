"""Numbers as a person reads them: no more digits than they deserve."""

from __future__ import annotations

import math
from typing import Any

from fairmesh.files import canonical_json
from fairmesh.results.statistics import Summary

_DIGITS = 4
MISSING = "\N{EN DASH}"


def number(found: float | None) -> str:
    """Give a number with four significant digits, a whole one with all of them.

    >>> number(0.912345), number(12), number(123456.7), number(1.0), number(2e-7)
    ('0.9123', '12', '123457', '1', '2e-07')
    """
    if found is None:
        return MISSING
    if isinstance(found, int) or (abs(found) >= 10**_DIGITS and abs(found) < 1e15):
        return f"{found:.0f}"
    return f"{found:.{_DIGITS}g}"


def spread(summary: Summary | None) -> str:
    """Give mean ± sd, both rounded to the second digit of the sd.

    >>> spread(Summary(3, 0.91234, 0.00456, 0.9, 0.92)), spread(Summary(1, 0.91234, None, 0.91234, 0.91234))
    ('0.9123 ± 0.0046', '0.9123')
    """
    if summary is None:
        return MISSING
    if not summary.sd:
        return number(summary.mean)
    decimals = max(0, 1 - math.floor(math.log10(summary.sd)))
    if decimals > 9:
        return f"{number(summary.mean)} ± {summary.sd:.1e}"
    return f"{summary.mean:.{decimals}f} ± {summary.sd:.{decimals}f}"


def size(byte_count: float | None) -> str:
    """Give a number of bytes in binary units.

    >>> size(512), size(812 * 2**20)
    ('512 B', '812 MiB')
    """
    if byte_count is None:
        return MISSING
    power = min(4, max(0, (int(byte_count).bit_length() - 1) // 10))
    return f"{number(int(byte_count) / 1024**power)} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


def value(found: Any) -> str:
    """Give a parameter's value as its study file would: text as it is, anything else as JSON."""
    if found is None:
        return "null"
    return found if isinstance(found, str) else canonical_json(found)
