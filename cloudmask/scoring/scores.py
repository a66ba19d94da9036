"""Scores of a method on all held-out scenes, with 95 % confidence intervals over the scenes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, stdtrit

from cloudmask.scoring.histograms import Histograms
from cloudmask.scoring.metrics import SIGNED, Pairs, Table, scores

Array = npt.NDArray[np.float64]
Score = dict[str, float]
Scores = dict[str, Score]

LEVEL = 0.95
ROUGH = 8  # scenes; with fewer, intervals are only rough


def mean_without(by_scene: Array) -> Array:
    """Return for each scene the mean over all other scenes, shape (n,)."""
    return np.asarray((by_scene.sum() - by_scene) / (len(by_scene) - 1))


def pool_without(by_scene: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return for each scene the sum over all other scenes, shape (n, ...)."""
    return np.asarray(by_scene.sum(axis=0) - by_scene)


def share(value: float, by_scene: Array, without: Array) -> int:
    """Return the number of scenes that affect a score; a scene without cloud does not affect detection.

    Parameters
    ----------
    value : float
        The score of all scenes.
    by_scene, without : ndarray, shape (n,)
        The score of each scene, NaN if undefined, and the score of all other scenes.
    """
    return int(np.count_nonzero(np.isfinite(by_scene) | (without != value)))


def interval(
    value: float, without: Array, samples: int, bounds: tuple[float, float] = (0.0, 1.0)
) -> tuple[float, float] | None:
    """Return the 95 % confidence interval of a score.

    Student's t with the jackknife's standard error (Efron and Tibshirani 1993, chapter 11), for a mean the standard
    error of the values by scene. It is computed in log-odds, since most scores are skewed and all are bounded; its
    coverage is better than that of the plain interval and of both bootstraps
    (site/docs/explanation/cloudmask-scores.md).

    Parameters
    ----------
    value : float
        The score of all scenes.
    without : ndarray, shape (n,)
        For each scene, the score of all other scenes.
    samples : int
        The number of scenes that affect the score.
    bounds : tuple of float
        The limits of the score.

    Returns
    -------
    tuple of float or None
        None for fewer than two scenes, or if the score is undefined without one of them.

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


def summarize(histograms: Histograms, soft: bool = True) -> Scores:
    """Return the scores of a method without undefined ones, such as detection if no scene has cloud.

    ``accuracy`` is the mean over scenes of the share of valid pixels that agree with the label, so that all scenes have
    the same weight. ``benchmark_accuracy`` is the benchmark's score, the same for all pixels including fill.
    ``truth_accuracy`` is the accuracy with respect to the hidden truth, over the scenes where it is known. All other
    scores are those of the pooled valid pixels of all scenes.

    Parameters
    ----------
    histograms : Histograms
        Counts of at least one scene.
    soft : bool
        Whether the method gives probabilities or only a mask.

    Returns
    -------
    dict
        For each name ``value`` and, for two or more scenes, ``low`` and ``high``, the 95 % confidence interval of
        `interval`, and ``samples``, the number of scenes that affect the score.
    """
    by_label = histograms.by_label()
    means = {
        "accuracy": of_mean(accuracies(by_label)),
        "benchmark_accuracy": of_mean(accuracies(histograms.with_fill())),
        "truth_accuracy": of_mean(accuracies(histograms.by_truth())),
    }
    return {name: score for name, score in means.items() if score} | of_pool(by_label, soft)


def accuracies(pairs: Pairs) -> Array:
    """Return the accuracy of each scene, shape (n,), from shape (n, 2, 256); NaN if a scene has no such pixel."""
    return Table.of(pairs).accuracy


def of_mean(by_scene: Array, bounds: tuple[float, float] = (0, 1)) -> Score:
    """Return the mean over the scenes with a value and its interval; empty if no scene has one."""
    defined = by_scene[np.isfinite(by_scene)]
    if not len(defined):
        return {}
    without = mean_without(defined) if len(defined) > 1 else np.empty(0)
    return _score(float(defined.mean()), without, len(defined), bounds)


def of_pool(pairs: npt.NDArray[np.int64], soft: bool) -> Scores:
    """Return the scores of the pooled pixels of all scenes, shape (n, 2, 256), with their intervals."""
    by_scene, without = scores(pairs, soft), scores(pool_without(pairs), soft)
    values = {name: float(value) for name, value in scores(pairs.sum(axis=0), soft).items() if np.isfinite(value)}
    return {
        name: _score(
            value,
            without[name],
            share(value, by_scene[name], without[name]),
            (-1, 1) if name in SIGNED else (0, 1),
        )
        for name, value in values.items()
    }


def _score(value: float, without: Array, samples: int, bounds: tuple[float, float]) -> Score:
    ends = interval(value, without, samples, bounds)
    return {"value": value} | ({"low": ends[0], "high": ends[1], "samples": samples} if ends else {})


def gain(method: Histograms, other: Histograms) -> Score:
    """Return the mean over scenes of the difference in accuracy, with its paired interval.

    Both methods are scored on the same scenes, so the difficulty of a scene cancels in the difference.
    """
    return of_mean(accuracies(method.by_label()) - accuracies(other.by_label()), (-1, 1))


def values(by_name: Scores) -> dict[str, float]:
    """Return the values without their intervals.

    >>> values({"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}})
    {'accuracy': 0.9}
    """
    return {name: score["value"] for name, score in by_name.items()}


def lacking(pairs: Pairs) -> str:
    """Return which class is missing in a scene, shape (2, 256); an empty string if both are present."""
    clear, cloud = pairs.sum(axis=-1)
    return "no clear sky, so no POFD and no AUC" if not clear else "no cloud, so no POD and no AUC" if not cloud else ""
