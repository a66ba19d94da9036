"""Estimate a quantity of planned experiments from past results, with an interval, or say why there is none."""

from __future__ import annotations

import statistics
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fairmesh.files import canonical_json
from fairmesh.names import plain_text
from fairmesh.results.estimates.design import Design, Features, Power, describe, is_positive
from fairmesh.results.estimates.quantities import Quantity
from fairmesh.results.estimates.regression import DRAWS, Numbers, Regression, repeat_sigma
from fairmesh.results.past_results import PastResult, label

LEVEL = 90  # percent
LARGEST_RATIO = 100.0  # of an interval's ends; an estimate that is less certain is withheld
NEWEST = 2000  # results that are used
_ENDS = ((100 - LEVEL) / 2, 50, (100 + LEVEL) / 2)
REPEATS, FIT, REQUESTED = "repeats", "fit", "requested"


@dataclass(frozen=True)
class Target:
    """A point to estimate.

    Parameters
    ----------
    features : mapping
        As of a past result.
    requests : mapping of str to float
        The requested run time in minutes and memory in MB, where known.
    """

    features: Features
    requests: dict[str, float]

    @cached_property
    def key(self) -> str:
        """The features as text."""
        return canonical_json(dict(self.features))


@dataclass(frozen=True)
class Prediction:
    """The estimate of a quantity at a point.

    Parameters
    ----------
    value, low, high : float or None
        The estimate and its interval; None where it is unknown.
    basis : str
        ``repeats`` of the same parameters, a ``fit``, or one result scaled by what the application ``requested``.
    remarks : tuple of str
        What lies beyond the measurements.
    why : str
        Why there is no value or no interval; empty if there are both.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    basis: str = ""
    remarks: tuple[str, ...] = ()
    why: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return JSON-compatible data."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "basis": self.basis,
            "remarks": list(self.remarks),
            "why": self.why,
        }


@dataclass(frozen=True)
class Sample:
    """Draws of a quantity at a point: the value without noise, and the standard deviation of the noise's logarithm."""

    center: Numbers
    sigma: Numbers

    def draws(self, seed: int) -> Numbers:
        """Return draws of one experiment; the seed tells its noise from that of others."""
        return self.center * np.exp(self.sigma * np.random.default_rng(seed).standard_normal(DRAWS))


class Estimator:
    """Estimates of one quantity.

    Parameters
    ----------
    quantity : Quantity
        The quantity.
    past : iterable of PastResult
        Results of one application, newest last.
    """

    def __init__(self, quantity: Quantity, past: Iterable[PastResult]) -> None:
        self.quantity = quantity
        self.past = [result for result in past if is_positive(quantity.measured(result))][-NEWEST:]
        self.values = [float(quantity.measured(result) or 0) for result in self.past]
        self._points: dict[str, list[int]] = {}
        for index, result in enumerate(self.past):
            self._points.setdefault(Target(result.features, {}).key, []).append(index)
        self._predictions: dict[tuple[str, float | None], Prediction] = {}
        self._last: tuple[str, Sample | None] = ("", None)

    @cached_property
    def design(self) -> Design:
        """The features that vary."""
        return Design.of([result.features for result in self.past], self.quantity.spreads)

    @cached_property
    def fit(self) -> Regression:
        """The fit to all results."""
        return Regression.fit(self.design, [result.features for result in self.past], self.values)

    @property
    def points(self) -> list[list[PastResult]]:
        """The results by point: the repeats of each."""
        return [[self.past[index] for index in indices] for indices in self._points.values()]

    def rests_on(self, target: Target) -> list[PastResult]:
        """Return the results that an estimate is based on: repeats of the point, else all."""
        return [self.past[index] for index in self._points.get(target.key, range(len(self.past)))]

    def predict(self, target: Target) -> Prediction:
        """Estimate a point."""
        key = (target.key, target.requests.get(self.quantity.request))
        if key not in self._predictions:
            self._predictions[key] = self._predict(target)
        return self._predictions[key]

    def sample(self, target: Target) -> Sample | None:
        """Return draws at a point; None if there is no interval."""
        if self._last[0] != target.key:
            self._last = (target.key, self._sample(target))
        return self._last[1]

    def _predict(self, target: Target) -> Prediction:
        if not self.past:
            return Prediction(why="no result of the application has it")
        if target.key not in self._points and self.design.unmeasured(target.features):
            return self._scaled(target)
        basis = REPEATS if target.key in self._points else FIT
        remarks = () if basis == REPEATS else tuple(self.design.remarks(target.features))
        sample = self.sample(target)
        if sample is None:
            return Prediction(self.values[0], basis=basis, remarks=remarks, why="one earlier result")
        low, value, high = interval(sample.draws(zlib.crc32(target.key.encode())))
        if high > low * LARGEST_RATIO:
            return Prediction(basis=basis, remarks=remarks, why=f"the interval spans a factor of {high / low:.0f}")
        if basis == REPEATS:
            value = self._median(target)
        return Prediction(value, min(low, value), max(high, value), basis, remarks)

    def _scaled(self, target: Target) -> Prediction:
        """Return an estimate for a parameter that never varied: scaled by what the application requests."""
        names = self.design.unmeasured(target.features)
        same = ", ".join(
            f"{label(name)} was always {plain_text(self.design.constants.get(name, 'a positive number'))}"
            for name in names
        )
        remarks = tuple(f"{describe(name, target.features)} was never measured" for name in names)
        asked = target.requests.get(self.quantity.request)
        pairs = [
            (value, result.requests.get(self.quantity.request), result)
            for value, result in zip(self.values, self.past, strict=True)
        ]
        known = [(value * asked / before, result) for value, before, result in pairs if asked and before]
        if not known:
            return Prediction(remarks=remarks, why=same)
        likeness = [_likeness(target, result) for _, result in known]
        nearest = [value for (value, _), like in zip(known, likeness, strict=True) if like == max(likeness)]
        return Prediction(statistics.median(nearest), basis=REQUESTED, remarks=remarks, why=same)

    def _sample(self, target: Target) -> Sample | None:
        if len(self.past) < 2 or (target.key not in self._points and self.design.unmeasured(target.features)):
            return None
        if target.key not in self._points:
            return Sample(self.fit.centers(target.features), self.fit.sigma)
        sigma = self._repeat_sigma
        count = len(self._points[target.key])
        normal = np.random.default_rng(zlib.crc32(target.key.encode()) + 1).standard_normal(DRAWS)
        return Sample(self._median(target) * np.exp(sigma / np.sqrt(count) * normal), sigma)

    def _median(self, target: Target) -> float:
        return statistics.median(self.values[index] for index in self._points[target.key])

    @cached_property
    def _repeat_sigma(self) -> Numbers:
        """Draws of the noise of repeats; that of the fit without repeats."""
        groups = [np.log([self.values[index] for index in indices]) for indices in self._points.values()]
        freedom = sum(len(group) - 1 for group in groups)
        squares = float(sum(((group - group.mean()) ** 2).sum() for group in groups))
        return repeat_sigma(squares, freedom) if freedom else self.fit.sigma

    @cached_property
    def law(self) -> str:
        """The fitted law in words: the fixed part, exponents of numbers, and what has a factor; empty without a fit."""
        if len(self.past) < 2:
            return ""
        medians, column, powers, factors = np.median(self.fit.coefficients, axis=0), 1, list[str](), list[str]()
        for term in self.design.terms:
            if isinstance(term, Power):
                powers.append(f"{label(term.name)}^{medians[column]:.2f}")
            elif term.width > 1:
                factors.append(label(term.name))
            column += term.width
        fixed = float(np.median(self.fit.fixed))
        parts = [
            f"{fixed:.3g} {self.quantity.unit} +" if fixed else "",
            "a constant",
            *(f"x {power}" for power in powers),
        ]
        law = " ".join(filter(None, parts))
        return f"{law}, with a factor for each {' and '.join(factors)}" if factors else law


def interval(draws: Numbers) -> tuple[float, float, float]:
    """Return the lower end, the median and the upper end of draws."""
    low, middle, high = np.percentile(draws, _ENDS)
    return float(low), float(middle), float(high)


def _likeness(target: Target, result: PastResult) -> int:
    """Return the number of features that have the same value."""
    return sum(result.features.get(name) == value for name, value in target.features.items())
