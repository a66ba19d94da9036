"""Totals over the experiments of a plan, by simulation: sums, maxima, and the time with several experiments at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fairmesh.results.estimates.estimator import Prediction, interval
from fairmesh.results.estimates.regression import DRAWS, Numbers

MOST_STEPS = 200_000_000  # of the simulation of a schedule; beyond, experiments are taken as divisible


@dataclass(frozen=True)
class Total:
    """A total with its interval.

    Parameters
    ----------
    value, low, high : float or None
        The total over the experiments whose estimate is known. None if none is known; no interval if one of them has
        none.
    known, unknown : int
        The number of experiments with and without an estimate.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    known: int = 0
    unknown: int = 0

    def scaled(self, factor: float) -> Total:
        """Return the total times a factor."""
        value, low, high = (None if end is None else end * factor for end in (self.value, self.low, self.high))
        return Total(value, low, high, self.known, self.unknown)

    def plus(self, amount: float, most: float) -> Total:
        """Return the total with an amount added, and ``most`` of it to the upper end."""
        if self.value is None or self.low is None or self.high is None:
            return replace(self, value=None if self.value is None else self.value + amount)
        return replace(self, value=self.value + amount, low=self.low + amount, high=self.high + most)

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "known": self.known,
            "unknown": self.unknown,
        }


class Accumulator:
    """Adds up draws of experiments, or keeps their maximum.

    Parameters
    ----------
    is_maximum : bool
        Whether it is the maximum.
    """

    def __init__(self, is_maximum: bool = False) -> None:
        self._combine = np.maximum if is_maximum else np.add
        self.draws: Numbers = np.zeros(DRAWS)
        self.known = self.unknown = 0
        self.is_certain = True

    def add(self, prediction: Prediction, draws: Numbers | None) -> None:
        """Add an experiment; without draws its estimate counts, and the total has no interval."""
        if prediction.value is None:
            self.unknown += 1
            return
        self.known += 1
        self.is_certain &= draws is not None
        self.draws = self._combine(self.draws, prediction.value if draws is None else draws)

    @property
    def total(self) -> Total:
        """The total so far."""
        return total_of(self.draws, self.known, self.unknown, self.is_certain)


class Schedule:
    """The time from start to end with several experiments at once: each starts where one ends first.

    Parameters
    ----------
    slots : int
        The number of experiments at once.
    count : int
        The number of experiments that will be added.
    """

    def __init__(self, slots: int, count: int) -> None:
        self._slots = max(1, min(slots, count))
        self._draws = max(1, min(DRAWS, MOST_STEPS // max(1, self._slots * count)))
        self._is_simulated = self._slots * count <= MOST_STEPS // 50
        self._busy: Numbers = np.zeros((self._draws if self._is_simulated else DRAWS, self._slots))
        self._longest: Numbers = np.zeros(DRAWS)
        self._sum: Numbers = np.zeros(DRAWS)

    def add(self, draws: Numbers) -> None:
        """Add the next experiment."""
        if not self._is_simulated:
            self._sum += draws
            self._longest = np.maximum(self._longest, draws)
            return
        rows = np.arange(len(self._busy))
        self._busy[rows, self._busy.argmin(1)] += draws[: len(rows)]

    @property
    def draws(self) -> Numbers:
        """Draws of the end of the last experiment."""
        if not self._is_simulated:
            return np.maximum(self._sum / self._slots, self._longest)
        ends: Numbers = self._busy.max(1)
        return ends


def total_of(draws: Numbers, known: int, unknown: int, is_certain: bool) -> Total:
    """Return the total of draws, without interval unless it is certain that all of them are draws."""
    if not known:
        return Total(unknown=unknown)
    low, value, high = interval(draws)
    return Total(value, low, high, known, unknown) if is_certain else Total(value, None, None, known, unknown)


def add_totals(totals: Iterable[Total]) -> Total:
    """Return the sum of totals of several machines; their intervals add up, as if all erred in the same direction."""
    parts = list(totals)
    known = [part for part in parts if part.value is not None]
    unknown = sum(part.unknown for part in parts)
    if not known:
        return Total(unknown=unknown)
    is_certain = all(part.low is not None for part in known)
    low, high = (sum(end or 0.0 for end in ends) for ends in ((p.low for p in known), (p.high for p in known)))
    return Total(
        sum(part.value or 0.0 for part in known),
        low if is_certain else None,
        high if is_certain else None,
        sum(part.known for part in known),
        unknown,
    )
