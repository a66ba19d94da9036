"""How far chance in the choice of scenes may move a score: 95 % intervals over scenes.

Scenes are what is chosen, not pixels: pixels of a scene are alike, and an interval over them would be far too narrow.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, stdtrit

Array = npt.NDArray[np.float64]

LEVEL = 0.95
ROUGH = 8  # scenes; with fewer, an interval is little more than a hint


def mean_without(by_scene: Array) -> Array:
    """Return the mean over all scenes but one, for each scene, shape (n,)."""
    return np.asarray((by_scene.sum() - by_scene) / (len(by_scene) - 1))


def pool_without(by_scene: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the sum over all scenes but one, for each scene, shape (n, ...)."""
    return np.asarray(by_scene.sum(axis=0) - by_scene)


def share(value: float, own: Array, without: Array) -> int:
    """Return how many scenes have a share in a score: one without cloud has none in the detection of cloud.

    Parameters
    ----------
    value : float
        The score of all scenes.
    own, without : ndarray, shape (n,)
        The score of each scene, NaN where it is not defined, and that of all scenes but this one.
    """
    return int(np.count_nonzero(np.isfinite(own) | (without != value)))


def interval(
    value: float, without: Array, samples: int, bounds: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float] | None:
    """Return the 95 % interval of a score.

    Student's t with the jackknife's standard error (Efron and Tibshirani 1993, chapter 11), for a mean that of the
    values by scene. It is taken on the scale of log-odds, since most scores are skewed and none leaves its bounds;
    that covers better than the plain one and than both bootstraps (site/docs/explanation/cloudmask-scores.md).

    Parameters
    ----------
    value : float
        The score of all scenes.
    without : ndarray, shape (n,)
        The score of all scenes but one, for each scene.
    samples : int
        The number of scenes that have a share in the score.
    bounds : tuple of float
        Between which the score lies.

    Returns
    -------
    tuple of float or None
        None for fewer than two scenes, and where the score is not defined without one of them.

    Examples
    --------
    >>> by_scene = np.array([0.9, 0.95, 0.8, 0.97])
    >>> [round(end, 3) for end in interval(float(by_scene.mean()), mean_without(by_scene), 4)]
    [0.7, 0.975]
    """
    if samples < 2 or not np.isfinite(without).all():
        return None
    low, high = bounds
    place = (value - low) / (high - low)
    error = math.sqrt((len(without) - 1) * float(np.var(without))) / (high - low)
    if not error or not 0 < place < 1:
        return value, value
    quantile = float(stdtrit(samples - 1, (1 + LEVEL) / 2))
    half = quantile * error / (place * (1 - place))
    ends = low + (high - low) * expit(logit(place) + np.array([-half, half]))
    return float(ends[0]), float(ends[1])
