"""Scores of a method on all held-out scenes, with 95 % intervals over the choice of scenes."""

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
ROUGH = 8  # scenes; with fewer, an interval is little more than a hint


def mean_without(by_scene: Array) -> Array:
    """Return the mean over all scenes but one, for each scene, shape (n,)."""
    return np.asarray((by_scene.sum() - by_scene) / (len(by_scene) - 1))


def pool_without(by_scene: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the sum over all scenes but one, for each scene, shape (n, ...)."""
    return np.asarray(by_scene.sum(axis=0) - by_scene)


def share(value: float, by_scene: Array, without: Array) -> int:
    """Return how many scenes have a share in a score: one without cloud has none in the detection of cloud.

    Parameters
    ----------
    value : float
        The score of all scenes.
    by_scene, without : ndarray, shape (n,)
        The score of each scene, NaN where it is not defined, and that of all scenes but this one.
    """
    return int(np.count_nonzero(np.isfinite(by_scene) | (without != value)))


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


def summarize(histograms: Histograms, soft: bool = True) -> Scores:
    """Return the scores of a method; what is not defined, as detection where no scene has cloud, is left out.

    ``accuracy`` is the mean over scenes of the share of valid pixels that agree with the label, so that each scene
    weighs the same; ``benchmark_accuracy`` is the benchmark's own, the same of all pixels, fill included;
    ``truth_accuracy`` the same as the first against the hidden truth, over the scenes where it is known. All others are
    of all scenes' valid pixels together.

    Parameters
    ----------
    histograms : Histograms
        Of at least one scene.
    soft : bool
        Whether the method gives probabilities, not a mask alone.

    Returns
    -------
    dict
        Name to ``value`` and, for two scenes and more, ``low`` and ``high``, the 95 % interval over scenes of
        `cloudmask.scoring.scores`, and ``samples``, the number of scenes that it rests on.
    """
    by_label = histograms.by_label()
    means = {
        "accuracy": of_mean(accuracies(by_label)),
        "benchmark_accuracy": of_mean(accuracies(histograms.with_fill())),
        "truth_accuracy": of_mean(accuracies(histograms.by_truth())),
    }
    return {name: score for name, score in means.items() if score} | of_pool(by_label, soft)


def accuracies(pairs: Pairs) -> Array:
    """Return the accuracy of each scene, shape (n,), from shape (n, 2, 256); NaN where a scene has no such pixel."""
    return Table.of(pairs).accuracy


def of_mean(by_scene: Array, bounds: tuple[float, float] = (0, 1)) -> Score:
    """Return a mean over the scenes that have a value, with its interval; nothing if none has."""
    defined = by_scene[np.isfinite(by_scene)]
    if not len(defined):
        return {}
    without = mean_without(defined) if len(defined) > 1 else np.empty(0)
    return _score(float(defined.mean()), without, len(defined), bounds)


def of_pool(pairs: npt.NDArray[np.int64], soft: bool) -> Scores:
    """Return the scores of all pixels of all scenes together, shape (n, 2, 256), with their intervals."""
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

    Both methods are judged on the same scenes, so that what is hard about a scene falls out of the difference.
    """
    return of_mean(accuracies(method.by_label()) - accuracies(other.by_label()), (-1, 1))


def values(by_name: Scores) -> dict[str, float]:
    """Return the values alone.

    >>> values({"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}})
    {'accuracy': 0.9}
    """
    return {name: score["value"] for name, score in by_name.items()}


def lacking(pairs: Pairs) -> str:
    """Return which class a scene, shape (2, 256), has no valid pixel of; an empty string if it has both."""
    clear, cloud = pairs.sum(axis=-1)
    return "no clear sky, so no POFD and no AUC" if not clear else "no cloud, so no POD and no AUC" if not cloud else ""
