"""Whether the difference of two values is noise: by their repeats, else by the tolerance, else nobody knows."""

from __future__ import annotations

from dataclasses import dataclass

from fairmesh.names import number_text
from fairmesh.results import intervals
from fairmesh.results.metrics import Metric
from fairmesh.results.statistics import Summary

SAME, REPEATS, TOLERANCE = "the same number", "repeats", "tolerance"


@dataclass(frozen=True)
class Judgement:
    """Whether two values of a metric differ by more than noise.

    Parameters
    ----------
    state : str
        ``noise``, ``different`` or ``unknown``.
    basis : str
        What it rests on: ``repeats``, ``tolerance``, ``the same number``, or nothing.
    words : str
        The same for people.
    """

    state: intervals.Verdict
    basis: str
    words: str


def judge(metric: Metric, difference: float, one: Summary, other: Summary) -> Judgement:
    """Say what a difference is worth.

    Parameters
    ----------
    metric : Metric
        What is compared.
    difference : float
        The other value less the one.
    one, other : Summary
        The repeats behind each.

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
    verdict = intervals.compare(one, other)
    if verdict == "noise":
        return Judgement(verdict, REPEATS, "within noise: repeats scatter by more than the difference")
    if verdict == "different":
        return Judgement(verdict, REPEATS, f"{direction}, by more than repeats scatter")
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
