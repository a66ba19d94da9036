"""Bayesian regression: a fixed part plus a power law, with factors, times noise; averaged over fixed part and noise.

A measured value is ``factor * (fixed + exp(row · coefficients)) * exp(sigma * normal)``. A first fit without a fixed
part gives the factors of machines and other levels; coefficients correct them. The fixed part and sigma are on a grid;
each pair has a normal posterior of the coefficients and a weight, its evidence. Predictions are draws of the whole
mixture.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fairmesh.results.estimates.design import Design, Features

Numbers = NDArray[np.float64]

DRAWS = 1000
SIGMAS = np.geomspace(0.01, 2.0, 16)
SIGMA, SIGMA_SPREAD = 0.08, 1.0  # the median of sigma before any result is seen, and the spread of its logarithm
FIXED = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95])  # shares of the smallest measured value
INTERCEPT = 5.0  # standard deviation of the logarithm of the level
BEYOND = 0.15  # relative error for each factor of e by which extrapolation changes the value
_TYPICAL = int(np.abs(np.log(SIGMAS / SIGMA)).argmin())
_LOG_PRIOR = -(((np.log(SIGMAS) - np.log(SIGMA)) / SIGMA_SPREAD) ** 2) / 2


@dataclass(frozen=True)
class Regression:
    """Draws of the fixed part, the coefficients, the noise, and of an error of extrapolation.

    Parameters
    ----------
    design : Design
        The columns.
    fixed : array of shape (draws,)
        The fixed part.
    coefficients : array of shape (draws, columns)
        The coefficients.
    factors : array of shape (columns,)
        The logarithms of the factors.
    sigma : array of shape (draws,)
        The standard deviation of the logarithm of noise.
    beyond : array of shape (draws,)
        The error of extrapolation for each factor of e.
    """

    design: Design
    fixed: Numbers
    coefficients: Numbers
    factors: Numbers
    sigma: Numbers
    beyond: Numbers

    @classmethod
    def fit(cls, design: Design, points: list[Features], values: list[float]) -> Regression:
        """Fit measured values, which are positive."""
        rows, measured = np.array([design.row(point) for point in points]), np.array(values)
        factors = _factors(design, rows, measured)
        measured /= np.exp(rows @ factors)
        shares = FIXED if design.has_powers else FIXED[:1]
        fits = [_Fit.of(rows, measured, share * measured.min(), design.priors) for share in shares]
        rng = np.random.default_rng(0)
        # A small rest beside a large fixed part has an uncertain logarithm, which must not count in its favor.
        evidence = np.array([fit.evidence for fit in fits]) + np.log1p(-shares)[:, None]
        chosen, sigma = _choose(evidence, rng)
        normal = rng.standard_normal((DRAWS, rows.shape[1]))
        means = np.stack([fit.means for fit in fits])[chosen, sigma]
        roots = np.stack([fit.roots for fit in fits])[chosen, sigma]
        coefficients = means + np.einsum("dij,dj->di", roots, normal)
        fixed = shares[chosen] * measured.min()
        return cls(design, fixed, coefficients, factors, SIGMAS[sigma], BEYOND * rng.standard_normal(DRAWS))

    def centers(self, features: Features) -> Numbers:
        """Return draws of the value at a point, without noise."""
        distances = np.abs(self.coefficients) @ np.array(self.design.distances(features))
        row, is_unknown = np.array(self.design.row(features)), np.array(self.design.is_unknown)
        variable = self.coefficients @ np.where(is_unknown, 0.0, row) + self.beyond * distances
        scale = self.coefficients @ np.where(is_unknown, row, 0.0) + row @ self.factors
        centers: Numbers = (self.fixed + np.exp(np.clip(variable, -300, 300))) * np.exp(np.clip(scale, -300, 300))
        return centers


@dataclass(frozen=True)
class _Fit:
    """For one fixed part and each sigma: means, square roots of covariances, and the logarithm of the evidence."""

    means: Numbers
    roots: Numbers
    evidence: Numbers

    @classmethod
    def of(cls, rows: Numbers, measured: Numbers, fixed: float, priors: list[tuple[float, float]]) -> _Fit:
        logarithms = np.log(measured - fixed)
        weights = ((measured - fixed) / measured) ** 2  # the noise is relative to the whole value
        center, spread = np.array([(logarithms.mean(), INTERCEPT), *priors]).T
        precision = np.diag(spread**-2.0)
        weighted = rows.T * weights
        scale = SIGMAS**-2.0
        precisions = scale[:, None, None] * (weighted @ rows) + precision
        right = scale[:, None] * (weighted @ logarithms) + precision @ center
        means = np.linalg.solve(precisions, right[..., None])[..., 0]
        lower = np.linalg.cholesky(precisions)
        squares = scale * (weights @ logarithms**2) + center @ precision @ center - (means * right).sum(-1)
        determinants = 2 * np.log(np.diagonal(lower, axis1=-2, axis2=-1)).sum(-1)
        evidence = _LOG_PRIOR - len(measured) * np.log(SIGMAS) - (squares + determinants) / 2
        return cls(means, np.linalg.inv(lower).swapaxes(-1, -2), evidence)


def _factors(design: Design, rows: Numbers, measured: Numbers) -> Numbers:
    """Return the logarithm of the factor of each level; 0 for other columns."""
    means = _Fit.of(rows, measured, 0.0, design.priors).means[_TYPICAL]
    return np.where(np.array(design.is_level), means, 0.0)


def repeat_sigma(squares: float, freedom: int) -> Numbers:
    """Return draws of sigma from repeats.

    Parameters
    ----------
    squares : float
        The sum of squared deviations of logarithms from the mean of their point.
    freedom : int
        The number of results minus the number of points.
    """
    evidence = _LOG_PRIOR - freedom * np.log(SIGMAS) - squares * SIGMAS**-2.0 / 2
    return SIGMAS[_choose(evidence[None, :], np.random.default_rng(0))[1]]


def _choose(evidence: Numbers, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw entries of a grid in proportion to their evidence; return their indices."""
    weights = np.exp(evidence - evidence.max())
    chosen = rng.choice(weights.size, DRAWS, p=(weights / weights.sum()).ravel())
    first, second = np.unravel_index(chosen, weights.shape)
    return first, second
