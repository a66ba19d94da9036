"""Numbers as people read them, with as many digits as they deserve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from fairmesh.printing import format_duration
from fairmesh.results.metrics import MetricValue
from fairmesh.results.statistics import Summary, half_width

_DIGITS = 4
MISSING = "\N{EN DASH}"


def number(value: float | None) -> str:
    """Return a number with four significant digits, a whole one with all of them.

    >>> number(0.912345), number(12), number(123456.7), number(1.0), number(2e-7), number(2**64 - 1)
    ('0.9123', '12', '123457', '1', '2e-07', '18446744073709551615')
    """
    if value is None:
        return MISSING
    if isinstance(value, int):
        return str(value)
    if 10**_DIGITS <= abs(value) < 1e15:
        return f"{value:.0f}"
    return f"{value:.{_DIGITS}g}"


def spread(summary: Summary | None) -> str:
    """Return mean ± half the 95 % interval, which has two digits, or one if the mean has four digits by then.

    >>> spread(Summary(4, 0.91234, 0.00456, 0.9, 0.92)), spread(Summary(1, 0.91234, None, 0.91234, 0.91234))
    ('0.9123 ± 0.0073', '0.9123')
    >>> spread(Summary(4, 0.91234, 0.00046, 0.9, 0.92)), spread(Summary(4, 35.056, 0.083, 35, 36))
    ('0.9123 ± 0.0007', '35.06 ± 0.13')
    """
    if summary is None:
        return MISSING
    half = half_width(summary)
    return with_error(summary.mean, half) if half else number(summary.mean)


def measurement(measured: MetricValue) -> str:
    """Return one measurement, with the interval that the program gave for it.

    >>> measurement(MetricValue(0.9187, 0.9083, 0.9282)), measurement(MetricValue(3))
    ('0.9187 (0.9083 to 0.9282)', '3')
    """
    interval = interval_text(measured)
    return f"{number(measured.value)} ({interval})" if interval else number(measured.value)


def interval_text(measured: MetricValue) -> str:
    """Return the interval of a measurement, and that it is rough if it rests on few samples; empty if there is none.

    >>> interval_text(MetricValue(0.91, 0.75, 0.97, samples=4)), interval_text(MetricValue(3))
    ('0.75 to 0.97, rough: 4 samples', '')
    """
    if measured.low is None or measured.high is None:
        return ""
    rough = f", rough: {measured.samples} samples" if measured.is_rough else ""
    return f"{number(measured.low)} to {number(measured.high)}{rough}"


def with_error(mean: float, half: float) -> str:
    """Return a number and what it is uncertain by, both with the decimals that this deserves.

    >>> with_error(0.9187, 0.0099), with_error(1234.5, 56.7), with_error(660832262.4, 1012109680.2)
    ('0.9187 ± 0.0099', '1234 ± 57', '700000000 ± 1000000000')
    """
    first = -_magnitude(half)
    decimals = first + 1 if first < 0 else max(first, min(first + 1, _DIGITS - 1 - _magnitude(mean)))
    if decimals > 9:
        return f"{number(mean)} ± {half:.1e}"
    shown = max(0, decimals)
    return f"{round(mean, decimals):.{shown}f} ± {round(half, decimals):.{shown}f}"


def column_texts(values: Sequence[float | str | None]) -> list[str]:
    """Return the values of a column, the numbers with the same decimals.

    >>> column_texts([0.926, 0.79272]), column_texts([3.0, 1.0]), column_texts(["S3A", 1e-9])
    (['0.9260', '0.7927'], ['3', '1'], ['S3A', '1e-09'])
    """
    decimals = max((_decimals(value) for value in values if isinstance(value, float)), default=0)
    return [_aligned(value, decimals) for value in values]


def _aligned(value: float | str | None, decimals: int) -> str:
    if isinstance(value, str):
        return value
    return number(value) if value is None or decimals > _DIGITS + 2 else f"{value:.{decimals}f}"


def _decimals(value: float) -> int:
    """Return how many decimals a number needs for its four digits."""
    return max(0, -int(Decimal(f"{value:.{_DIGITS}g}").normalize().as_tuple().exponent))


def _magnitude(value: float) -> int:
    return math.floor(math.log10(abs(value))) if value else 0


def size(byte_count: float | None) -> str:
    """Return a number of bytes in binary units.

    >>> size(512), size(812 * 2**20)
    ('512 B', '812 MiB')
    """
    if byte_count is None:
        return MISSING
    power = min(4, max(0, (int(byte_count).bit_length() - 1) // 10))
    return f"{number(int(byte_count) / 1024**power)} {('B', 'KiB', 'MiB', 'GiB', 'TiB')[power]}"


def measured_duration(seconds: float | None) -> str:
    """Return a measured time with its decimals, or a dash."""
    return MISSING if seconds is None else format_duration(seconds, precise=True)
