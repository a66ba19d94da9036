"""Statistics over repeats: summaries, 95 % intervals of a mean, and whether a difference is noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from fairmesh.names import number_text
from fairmesh.results.metrics import Metric


@dataclass(frozen=True)
class Summary:
    """A summary of measurements of one quantity, in its unit.

    Parameters
    ----------
    n : int
        Number of measurements, at least 1.
    mean : float
        Arithmetic mean.
    sd : float or None
        Sample standard deviation, with n - 1 in the denominator; None for a single measurement.
    minimum, maximum : float
        The smallest and the largest.
    """

    n: int
    mean: float
    sd: float | None
    minimum: float
    maximum: float


def summarize(values: Iterable[float]) -> Summary | None:
    """Summarize measurements; None if there are none.

    >>> summarize([1.0, 2.0, 3.0])
    Summary(n=3, mean=2.0, sd=1.0, minimum=1.0, maximum=3.0)
    >>> summarize([2.0]).sd is None
    True
    """
    ordered = sorted(values)
    if not ordered:
        return None
    sd = statistics.stdev(ordered) if len(ordered) > 1 else None
    return Summary(len(ordered), statistics.fmean(ordered), sd, ordered[0], ordered[-1])


Verdict = Literal["noise", "different", "unknown"]

# Student's t, two-sided, 95 %, for 1 to 10 degrees of freedom; beyond, the expansion below is right to three decimals.
_T95 = (12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281)
_Z95 = NormalDist().inv_cdf(0.975)


def t95(freedom: float) -> float:
    """Return the quantile of Student's t for a two-sided interval of 95 %.

    Fractional degrees of freedom are rounded down, which makes the interval wider.

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


def compare_means(one: Summary, other: Summary) -> Verdict:
    """Return whether two means differ significantly: Welch's test at the 5 % level.

    Returns
    -------
    str
        ``unknown`` if one of them was measured only once.

    Examples
    --------
    >>> compare_means(Summary(3, 1.0, 0.1, 0.9, 1.1), Summary(3, 1.05, 0.1, 0.95, 1.15))
    'noise'
    >>> compare_means(Summary(3, 1.0, 0.1, 0.9, 1.1), Summary(3, 2.0, 0.1, 1.9, 2.1))
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


SAME, REPEATS, TOLERANCE = "the same number", "repeats", "tolerance"


@dataclass(frozen=True)
class Judgement:
    """Whether two values of a metric differ by more than noise.

    Parameters
    ----------
    state : str
        ``noise``, ``different`` or ``unknown``.
    basis : str
        The basis of the verdict: ``repeats``, ``tolerance``, ``the same number``, or empty.
    words : str
        The verdict as a phrase.
    """

    state: Verdict
    basis: str
    words: str


def judge(metric: Metric, difference: float, one: Summary, other: Summary) -> Judgement:
    """Judge whether a difference is noise: by repeats, else by the tolerance of the metric.

    Parameters
    ----------
    metric : Metric
        The metric of both values.
    difference : float
        The second value minus the first.
    one, other : Summary
        The repeats of each.

    Examples
    --------
    >>> once = Summary(1, 0.5, None, 0.5, 0.5)
    >>> judge(Metric("f1", "F1", tolerance=0.1), 0.05, once, once).words
    'within the tolerance of 0.1'
    >>> judge(Metric("f1", "F1"), 0.05, once, once).words
    'one run each: noise unknown'
    """
    if not difference:
        return Judgement("noise", SAME, SAME)
    direction = _direction(metric, difference)
    verdict = compare_means(one, other)
    if verdict == "noise":
        return Judgement(verdict, REPEATS, "within noise of the repeats")
    if verdict == "different":
        return Judgement(verdict, REPEATS, f"{direction}, beyond the noise of the repeats")
    if metric.tolerance is None:
        runs = "one run each" if one.n == other.n == 1 else f"{one.n} and {other.n} runs"
        return Judgement("unknown", "", f"{runs}: noise unknown")
    tolerance = f"the tolerance of {number_text(metric.tolerance)} {metric.unit}".rstrip()
    if abs(difference) <= metric.tolerance:
        return Judgement("noise", TOLERANCE, f"within {tolerance}")
    return Judgement("different", TOLERANCE, f"{direction}, by more than {tolerance}")


def _direction(metric: Metric, difference: float) -> str:
    if not metric.better:
        return "larger" if difference > 0 else "smaller"
    return "better" if metric.is_gain(difference) else "worse"
