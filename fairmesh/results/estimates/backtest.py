"""Test estimates against results: leave out a point, estimate it from the others, and compare."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fairmesh.results.estimates.estimator import LEVEL, Estimator, Prediction, Target
from fairmesh.results.estimates.quantities import Quantity
from fairmesh.results.past_results import PastResult

FEWEST = 3  # points, for a test
MOST = 30  # points that are left out, one after the other


@dataclass(frozen=True)
class Comparison:
    """An estimate and what was measured later, or was left out.

    Parameters
    ----------
    result : PastResult
        The result that was left out.
    measured : float
        The measured value.
    prediction : Prediction
        The estimate from other results.
    """

    result: PastResult
    measured: float
    prediction: Prediction

    @property
    def is_within(self) -> bool:
        """Whether the measured value is in the interval."""
        low, high = self.prediction.low, self.prediction.high
        return low is not None and high is not None and low <= self.measured <= high

    @property
    def error(self) -> float | None:
        """The relative error of the estimate; None without one."""
        value = self.prediction.value
        return None if value is None else abs(math.log(value / self.measured))


@dataclass(frozen=True)
class BackTest:
    """Estimates of one quantity against results.

    Parameters
    ----------
    quantity : Quantity
        The quantity.
    comparisons : list of Comparison
        The results that were left out; empty if there are too few.
    """

    quantity: Quantity
    comparisons: list[Comparison] = field(default_factory=list)

    @property
    def tested(self) -> list[Comparison]:
        """The comparisons whose estimate has an interval."""
        return [comparison for comparison in self.comparisons if comparison.prediction.high is not None]

    @property
    def within(self) -> int:
        """The number of results in their interval."""
        return sum(comparison.is_within for comparison in self.tested)

    @property
    def typical_error(self) -> float | None:
        """The median relative error; None without results."""
        errors = [comparison.error for comparison in self.tested if comparison.error is not None]
        return math.expm1(statistics.median(errors)) if errors else None

    @property
    def error_text(self) -> str:
        """The typical error in percent."""
        return "unknown" if self.typical_error is None else f"{100 * self.typical_error:.2g} %"

    @property
    def words(self) -> str:
        """The outcome as a sentence; empty without results."""
        if not self.tested:
            return ""
        return (
            f"{self.within} of {len(self.tested)} earlier results, each left out in turn, were within the interval of "
            f"{LEVEL} %; typical error {self.error_text}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data."""
        return {
            "results": len(self.tested),
            "within": self.within,
            "level": LEVEL / 100,
            "typical_error": self.typical_error,
            "without_interval": len(self.comparisons) - len(self.tested),
        }


def back_test(estimator: Estimator, most: int = MOST) -> BackTest:
    """Leave out points of an estimator in turn; with less than three points, single results.

    Parameters
    ----------
    estimator : Estimator
        The estimator with all results.
    most : int
        The largest number of points; of more, evenly spread ones.
    """
    groups = estimator.points
    if len(groups) < FEWEST:
        groups = [[result] for result in estimator.past]
    if len(groups) < FEWEST:
        return BackTest(estimator.quantity)
    step = max(1, math.ceil(len(groups) / most))
    left_out = [_without(estimator, group) for group in groups[::step]]
    return BackTest(estimator.quantity, [comparison for comparisons in left_out for comparison in comparisons])


def _without(estimator: Estimator, group: Sequence[PastResult]) -> list[Comparison]:
    gone = set(map(id, group))
    others = Estimator(estimator.quantity, (result for result in estimator.past if id(result) not in gone))
    return list(compare(others, group))


def compare(estimator: Estimator, results: Iterable[PastResult]) -> Iterable[Comparison]:
    """Yield the estimate for each of some results beside what was measured."""
    for result in results:
        prediction = estimator.predict(Target(result.features, result.requests))
        yield Comparison(result, float(estimator.quantity.measured(result) or 0), prediction)
