"""Predictions as numbers of one byte, to be counted, and on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from cloudmask.hdf5 import Scene, write_arrays
from cloudmask.store import CLOUD, VALID

Bins = npt.NDArray[np.uint8]
BINS = 256
SMALL = 9  # the highest level of gzip
HALF = 128  # the first bin that is cloud


def quantise(probability: npt.NDArray[np.float32]) -> Bins:
    """Put probabilities into 256 bins, bin b for p in (b / 256, (b + 1) / 256], and 0 into the first.

    Closed above, so that bins from 128 on are exactly those that the benchmark calls cloud: p > 0.5.

    >>> quantise(np.array([0.0, 0.5, 0.5000001, 1.0], dtype=np.float32))
    array([  0, 127, 128, 255], dtype=uint8)
    """
    return np.asarray(np.maximum(np.ceil(probability * np.float32(BINS)) - 1, 0), dtype=np.uint8)


def write_mask(path: Path, bins: Bins, scene: Scene, probability: bool) -> None:
    """Write what was predicted for a scene as HDF5.

    ``mask`` (rows, columns) holds the bits `CLOUD` (1) and `VALID` (2), as labels in the store do; ``probability``
    (rows, columns) the bin of `quantise`, whose middle is (b + 0.5) / 256. Both are 0 where the scene is not valid.

    Parameters
    ----------
    probability : bool
        Whether to write the probability, too, which is about ten times as large.
    """
    mask = (bins >= HALF) * np.uint8(CLOUD) | np.uint8(VALID)
    arrays = {"mask": mask} | ({"probability": bins} if probability else {})
    kept = {name: np.where(scene.valid, array, np.uint8(0)) for name, array in arrays.items()}
    write_arrays(path, kept, compress=SMALL)
