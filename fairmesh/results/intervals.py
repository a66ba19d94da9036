"""What repeats say of the true mean: 95 % intervals, and whether a difference may be chance."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

from fairmesh.results.statistics import Summary

Verdict = Literal["noise", "different", "unknown"]

# Student's t, two-sided, 95 %, for 1 to 10 degrees of freedom; beyond, the expansion below is right to three decimals.
_T95 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
_Z95 = NormalDist().inv_cdf(0.975)


def t95(freedom: float) -> float:
    """Return the quantile of Student's t for a two-sided interval of 95 %.

    Degrees of freedom that are no whole number are rounded down, which makes the interval wider.

    >>> round(t95(1), 3), round(t95(4.9), 3), round(t95(30), 3), round(t95(1e9), 3)
    (12.706, 2.776, 2.042, 1.96)
    """
    whole = max(1, math.floor(freedom))
    if whole <= len(_T95):
        return _T95[whole - 1]
    z = _Z95
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / whole + second / whole**2 + third / whole**3


def half_width(summary: Summary) -> float | None:
    """Return half the width of the 95 % interval of the mean; None for a single measurement.

    >>> round(half_width(Summary(4, 10.0, 2.0, 8.0, 12.0)), 3)
    3.182
    """
    if summary.sd is None:
        return None
    return t95(summary.n - 1) * summary.sd / math.sqrt(summary.n)


def compare(one: Summary, other: Summary) -> Verdict:
    """Return whether two means differ by more than their repeats scatter: Welch's test at 5 %.

    Returns
    -------
    str
        ``unknown`` if one of them was measured only once.

    Examples
    --------
    >>> compare(Summary(3, 1.0, 0.1, 0.9, 1.1), Summary(3, 1.05, 0.1, 0.95, 1.15))
    'noise'
    >>> compare(Summary(3, 1.0, 0.1, 0.9, 1.1), Summary(3, 2.0, 0.1, 1.9, 2.1))
    'different'
    """
    if one.sd is None or other.sd is None:
        return "unknown"
    first, second = one.sd**2 / one.n, other.sd**2 / other.n
    difference, both = abs(one.mean - other.mean), first + second
    if not both:
        return "different" if difference else "noise"
    share = first / both  # squares of tiny numbers would vanish
    freedom = 1 / (share**2 / (one.n - 1) + (1 - share) ** 2 / (other.n - 1))
    return "noise" if difference <= t95(freedom) * math.sqrt(both) else "different"
