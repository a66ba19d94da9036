"""Statistics over pairs: the same points, with the same repeats, measured twice, such as on two machines."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from fairmesh.results.metrics import ROUGH
from fairmesh.results.statistics import t95

Basis = Literal["repeats", "points", ""]


@dataclass(frozen=True)
class PairedEstimate:
    """The mean of paired differences, in which every point has the same weight.

    Parameters
    ----------
    mean : float
        The mean over points of the mean difference of each point.
    half_width : float or None
        Half the width of the 95 % interval; None if there is one pair only.
    points, pairs : int
        Number of points, and of pairs: a pair is one repeat of a point, measured twice.
    basis : str
        What the interval is computed from: ``repeats`` is the spread of repeats around the mean of their point, so it
        holds for these points; ``points`` is the spread between points, where none has repeats. Empty without interval.
    """

    mean: float
    half_width: float | None
    points: int
    pairs: int
    basis: Basis

    @property
    def interval(self) -> tuple[float, float] | None:
        """The ends of the 95 % interval."""
        return None if self.half_width is None else (self.mean - self.half_width, self.mean + self.half_width)

    @property
    def is_rough(self) -> bool:
        """Whether the interval is based on few pairs."""
        return self.half_width is not None and self.pairs < ROUGH


def paired_estimate(differences: Sequence[Sequence[float]]) -> PairedEstimate:
    """Estimate the mean difference of pairs.

    The interval is Student's t on paired differences: their spread is pooled over points, or, if no point has several
    pairs, it is the spread between points. For ratios, pass differences of logarithms.

    Parameters
    ----------
    differences : sequence of sequence of float
        The differences of the pairs of each point; at least one point, and one pair each.

    Examples
    --------
    >>> estimate = paired_estimate([[1.0, 3.0], [5.0, 7.0]])
    >>> estimate.mean, round(estimate.half_width, 2), estimate.points, estimate.pairs, estimate.basis
    (4.0, 3.04, 2, 4, 'repeats')
    >>> paired_estimate([[1.0], [3.0]]).basis, paired_estimate([[1.0]]).half_width
    ('points', None)
    """
    means = [statistics.fmean(pairs) for pairs in differences]
    points, pairs = len(means), sum(map(len, differences))
    half, basis = _half_width(differences, means)
    return PairedEstimate(statistics.fmean(means), half, points, pairs, basis)


def _half_width(differences: Sequence[Sequence[float]], means: Sequence[float]) -> tuple[float | None, Basis]:
    points = len(means)
    freedom = sum(len(pairs) - 1 for pairs in differences)
    if freedom:
        deviations = [value - mean for pairs, mean in zip(differences, means, strict=True) for value in pairs]
        variance = math.fsum(deviation**2 for deviation in deviations) / freedom
        shares = math.fsum(1 / len(pairs) for pairs in differences) / points**2
        return t95(freedom) * math.sqrt(variance * shares), "repeats"
    if points > 1:
        return t95(points - 1) * statistics.stdev(means) / math.sqrt(points), "points"
    return None, ""
