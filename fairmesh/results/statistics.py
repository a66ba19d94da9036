"""Several measurements of one quantity summarized: mean and spread."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Summary:
    """Some measurements of one quantity, all in its unit.

    Parameters
    ----------
    n : int
        How many, at least 1.
    mean : float
        Their arithmetic mean.
    sd : float or None
        Their sample standard deviation, with n - 1 in the denominator; None for a single one, which has no spread.
    minimum, maximum : float
        The smallest and the largest.
    """

    n: int
    mean: float
    sd: float | None
    minimum: float
    maximum: float


def summarise(values: Iterable[float]) -> Summary | None:
    """Summarise measurements; None if there are none.

    >>> summarise([1.0, 2.0, 3.0])
    Summary(n=3, mean=2.0, sd=1.0, minimum=1.0, maximum=3.0)
    >>> summarise([2.0]).sd is None
    True
    """
    found = sorted(values)
    if not found:
        return None
    sd = statistics.stdev(found) if len(found) > 1 else None
    return Summary(len(found), statistics.fmean(found), sd, found[0], found[-1])
