"""Patches of scenes, the input of the network.

Images are int16, half the size of float32, with steps of 0.0027 K and 0.00012 in reflectance. Training gathers shuffled
patches from a memory map instead of reading scenes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cloudmask.data import compatibility
from cloudmask.data.compatibility import OWN, is_upstream
from cloudmask.data.hdf5 import Scene

NAMES = ("S7", "S8", "S9", "S1", "S2", "S3", "S4", "S5", "S6")  # of the channels, in their order
CHANNELS = len(NAMES)
SCALE = 8192  # int16 = normalized value x SCALE, so +-4: 182..358 K, reflectance to 4.5
CLOUD, VALID = 1, 2  # bits of a label
DIVISOR = 8  # three poolings halve a patch three times
_OFFSET = np.array([270.0] * 3 + [0.5] * 6, dtype=np.float32)
_SPREAD = np.array([22.0] * 3 + [1.0] * 6, dtype=np.float32)


@dataclass(frozen=True)
class Patches:
    """Patches of one subset.

    Attributes
    ----------
    images : ndarray of int16, shape (n, patch, patch, 9)
        Normalized channels times `SCALE`; 0 where not valid. With ``compatibility: upstream``, unscaled float32.
    labels : ndarray of uint8, shape (n, patch, patch)
        Bit `CLOUD` and bit `VALID`.
    """

    images: npt.NDArray[np.int16 | np.float32]
    labels: npt.NDArray[np.uint8]

    def channels(self, chosen: npt.NDArray[np.int_]) -> npt.NDArray[np.float32]:
        """Return the network's input for some patches."""
        images: npt.NDArray[Any] = self.images[chosen]
        return images if images.dtype == np.float32 else np.divide(images, SCALE, dtype=np.float32)


def normalize(scene: Scene) -> npt.NDArray[np.float32]:
    """Scale channels as the reference does: (T - 270 K) / 22 K and reflectance - 0.5; 0 where not valid."""
    return np.where(scene.valid[..., None], (scene.channels - _OFFSET) / _SPREAD, np.float32(0))


def corners(size: int, patch: int) -> list[int]:
    """Return the starts of patches along an axis: the fewest that cover it, evenly spaced.

    >>> corners(600, 256)
    [0, 172, 344]
    """
    return [int(start) for start in np.linspace(0, size - patch, -(-size // patch)).round()]


def cut(scene: Scene, patch: int, ways: str = OWN) -> Patches:
    """Cut a scene into patches that cover it or, for ``upstream``, into the benchmark's patches."""
    if is_upstream(ways):
        values, cloud = compatibility.cut(scene, patch)
        return Patches(values, cloud * np.uint8(CLOUD) | np.uint8(VALID))
    images = np.clip((normalize(scene) * SCALE).round(), -32768, 32767).astype(np.int16)
    labels = scene.cloud * np.uint8(CLOUD) | scene.valid * np.uint8(VALID)
    rows, columns = labels.shape
    windows = [
        np.s_[top : top + patch, left : left + patch]
        for top in corners(rows, patch)
        for left in corners(columns, patch)
    ]
    return Patches(np.stack([images[w] for w in windows]), np.stack([labels[w] for w in windows]))


def channel_names(ways: str) -> list[str]:
    """Return the names of the channels of a store in order."""
    return [*NAMES[3:], *NAMES[:3]] if is_upstream(ways) else list(NAMES)


def count(shape: tuple[int, int], patch: int, ways: str) -> int:
    """Return the number of patches that `cut` makes of a scene."""
    if is_upstream(ways):
        return len(list(compatibility.windows(shape, patch)))
    return len(corners(shape[0], patch)) * len(corners(shape[1], patch))
