"""``compatibility: upstream``: the behavior of mlcommons/science where CloudMask deliberately differs.

Check `is_upstream` before calling these functions. The page cloudmask-parity of the documentation explains the
differences.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cloudmask.data.hdf5 import Scene
from cloudmask.errors import InputError

OWN, UPSTREAM = "own", "upstream"

Channels = npt.NDArray[np.float32]
Order = npt.NDArray[np.int_]
Window = tuple[slice, slice]


def is_upstream(compatibility: str) -> bool:
    """Return whether the parameter selects the benchmark's behavior."""
    return compatibility == UPSTREAM


def whole(scene: Scene) -> Scene:
    """Return a scene in which all pixels are valid; missing values are 0, as in the published files."""
    channels = np.where(np.isfinite(scene.channels), scene.channels, np.float32(0))
    return replace(scene, channels=channels, valid=np.ones_like(scene.valid))


def normalize(scene: Scene) -> Channels:
    """Return the network's input: reflectances less 0.5 first, then temperatures as (T - 270 K) / 22 K.

    Fill is not masked: 0 K becomes -12.3.
    """
    channels = whole(scene).channels
    temperature, reflectance = channels[..., :3], channels[..., 3:]
    return np.concatenate(
        [reflectance - np.float32(0.5), (temperature - np.float32(270)) / np.float32(22)], axis=-1, dtype=np.float32
    )


def windows(shape: tuple[int, int], patch: int) -> Iterator[Window]:
    """Return adjacent patches, centered in the scene, row by row; remainders at the edges are dropped.

    >>> patches = list(windows((1200, 1500), 256))
    >>> len(patches), patches[0]
    (20, (slice(88, 344, None), slice(110, 366, None)))
    """
    down, across = (_starts(size, patch) for size in shape)
    return ((slice(top, top + patch), slice(left, left + patch)) for top in down for left in across)


def _starts(size: int, patch: int) -> range:
    first = size % patch // 2
    return range(first, first + size // patch * patch, patch)


def cut(scene: Scene, patch: int) -> tuple[Channels, npt.NDArray[np.bool_]]:
    """Cut a scene into the benchmark's patches.

    Returns
    -------
    images : ndarray of float32, shape (n, patch, patch, 9)
        As returned by `normalize`; int16 cannot represent -12.3.
    cloud : ndarray of bool, shape (n, patch, patch)
    """
    images = normalize(scene)
    chosen = list(windows(scene.cloud.shape, patch))
    return np.stack([images[window] for window in chosen]), np.stack([scene.cloud[window] for window in chosen])


def whole_batches(order: Order, batch: int) -> Order:
    """Drop the patches that do not fill a batch.

    Raises
    ------
    InputError
        If no full batch remains.

    Examples
    --------
    >>> whole_batches(np.arange(70), 32).size
    64
    """
    if len(order) < batch:
        raise InputError(
            f"batch: {batch} is more than the {len(order)} patches of a subset; "
            "with compatibility: upstream, a batch that is not full is left off"
        )
    return order[: len(order) // batch * batch]
