"""Baselines that learn from single pixels: logistic regression and gradient boosting of scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cloudmask.data.hdf5 import Scene
from cloudmask.data.patches import CLOUD, NAMES, VALID, Patches, normalize
from cloudmask.errors import CloudmaskError
from cloudmask.machine import allowed_cpus
from cloudmask.scoring.histograms import Bins, quantize

PIXELS = 200_000  # for training
PATCHES = 2_000  # at most
CHUNK = 1 << 16  # pixels per task of a thread

Features = npt.NDArray[np.float32]


def features(channels: npt.NDArray[np.float32]) -> Features:
    """Add three differences to the nine normalized channels, shape (n, 9) to (n, 12).

    Single-pixel tests of cloud use these differences: S7 - S8 for low cloud at night, S8 - S9 for thin cirrus (Saunders
    and Kriebel 1988, International Journal of Remote Sensing 9, 123-150), and S1 - S5 for snow (Dozier 1989, Remote
    Sensing of Environment 28, 9-22).
    """
    s7, s8, s9, s1, s5 = (channels[:, NAMES.index(name)] for name in ("S7", "S8", "S9", "S1", "S5"))
    return np.column_stack([channels, s7 - s8, s8 - s9, s1 - s5])


def sample(patches: Patches, names: list[str], seed: int) -> tuple[Features, npt.NDArray[np.bool_]]:
    """Draw the same number of random valid pixels from each of at most `PATCHES` random patches.

    Parameters
    ----------
    names : list of str
        The channels of the patches in order.

    Returns
    -------
    features : ndarray of float32, shape (n, 12)
    cloud : ndarray of bool, shape (n,)

    Raises
    ------
    CloudmaskError
        If all pixels drawn are of one class.
    """
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.permutation(len(patches.labels))[:PATCHES])
    drawn = list(_draw(rng, patches, chosen, -(-PIXELS // len(chosen))))
    channels, cloud = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
    if len(np.unique(cloud)) < 2:
        only = f"all {'cloud' if cloud.any() else 'clear'}" if len(cloud) else "none"
        raise CloudmaskError(f"the pixels for the baselines are {only}: there is nothing to learn")
    return features(channels[:, [names.index(name) for name in NAMES]]), cloud


def _draw(
    rng: np.random.Generator, patches: Patches, chosen: npt.NDArray[np.int_], share: int
) -> Iterator[tuple[Features, npt.NDArray[np.bool_]]]:
    for index in chosen:
        labels = patches.labels[index].ravel()
        taken = np.sort(rng.permutation(np.flatnonzero(labels & VALID))[:share])
        channels = patches.channels(np.array([index]))
        yield channels.reshape(-1, channels.shape[-1])[taken], labels[taken] & CLOUD > 0


def learn(patches: Patches, names: list[str], seed: int) -> dict[str, Any]:
    """Fit both classifiers to the same pixels, drawn by `sample`.

    Logistic regression of standardized features (Cox 1958, Journal of the Royal Statistical Society B 20, 215-242), and
    100 boosted trees on histograms of them (Friedman 2001, Annals of Statistics 29, 1189-1232; Ke et al. 2017, Advances
    in Neural Information Processing Systems 30, 3146-3154), both with scikit-learn's default parameters.
    """
    known, cloud = sample(patches, names, seed)
    methods = {
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "boosting": HistGradientBoostingClassifier(early_stopping=False, random_state=seed),
    }
    return {name: method.fit(known, cloud) for name, method in methods.items()}


def predict(method: Any, scene: Scene) -> Bins:
    """Return the probability of cloud predicted by a classifier, as bins of shape (rows, columns).

    Threads share the pixels. Disable scikit-learn's own threads (OMP_NUM_THREADS=1), which mostly wait for each other
    on shared processors.
    """
    channels = normalize(scene)
    pixels = channels.reshape(-1, channels.shape[-1])

    def part(start: int) -> Bins:
        cloud = method.predict_proba(features(pixels[start : start + CHUNK]))[:, 1]
        return quantize(cloud.astype(np.float32))

    with ThreadPoolExecutor(allowed_cpus()) as pool:
        parts = list(pool.map(part, range(0, len(pixels), CHUNK)))
    return np.concatenate(parts).reshape(scene.cloud.shape)
