"""How far chance in the choice of scenes may move a score: the bootstrap over scenes.

Scenes are drawn, not pixels: pixels of a scene are alike, and an interval over them would be far too narrow.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

RESAMPLES = 2000
LEVEL = 0.95
SEED = 0  # the same scenes are drawn for every method, so that differences are paired


def weights(scenes: int) -> Array:
    """Give how often each scene is drawn, shape (`RESAMPLES`, scenes), each row with the sum `scenes`.

    Draws with replacement (Efron 1979, Annals of Statistics 7, 1-26).
    """
    rng = np.random.default_rng(SEED)
    return rng.multinomial(scenes, np.full(scenes, 1 / scenes), size=RESAMPLES).astype(np.float64)


def interval(values: Array) -> tuple[float, float] | None:
    """Give the 95 % percentile interval of a score's resamples (Efron and Tibshirani 1993, chapter 13).

    Resamples without the score (NaN) are left out; None if fewer than half have it.
    """
    defined = values[np.isfinite(values)]
    if not len(values) or 2 * len(defined) < len(values):
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def of_mean(by_scene: Array) -> Array:
    """Give the mean over scenes, shape (n,), of each resample, shape (`RESAMPLES`,)."""
    return np.asarray(weights(len(by_scene)) @ by_scene / len(by_scene))


def of_pool(by_scene: npt.NDArray[np.int64]) -> Array:
    """Give the sum over scenes, shape (n, ...), of each resample, shape (`RESAMPLES`, ...): all pixels together."""
    flat = by_scene.reshape(len(by_scene), -1).astype(np.float64)
    return np.asarray((weights(len(by_scene)) @ flat).reshape(-1, *by_scene.shape[1:]))
