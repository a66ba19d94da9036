"""Batches of the store's patches as a `tf.data.Dataset`, prefetched while the devices compute."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from cloudmask.data.compatibility import whole_batches
from cloudmask.data.patches import VALID, Patches
from cloudmask.model.distribution import DistributionStrategy

CHUNK = 256  # patches whose labels are read at once

Order = npt.NDArray[np.int_]


class BatchLoader:
    """The batches of a subset.

    Patches without a valid pixel are left out. If several devices share a batch, it is padded with patches of weight 0
    to a multiple of the number of devices, so that each device gets the same number.

    Parameters
    ----------
    size : int
        Number of patches in a batch, over all devices.
    only_whole : bool
        Whether to drop a last batch that is smaller.
    """

    def __init__(self, patches: Patches, size: int, devices: DistributionStrategy, only_whole: bool = False) -> None:
        self._patches, self._size, self._devices, self._only_whole = patches, size, devices, only_whole
        self.usable = np.flatnonzero(valid_pixels(patches.labels))

    @property
    def patches(self) -> int:
        """The number of patches of an epoch."""
        return len(self._cut(self.usable))

    @property
    def steps(self) -> int:
        """The number of batches of an epoch."""
        return math.ceil(self.patches / self._size)

    def shuffled(self, seed: int, epoch: int = 0, step: int = 0) -> tf.data.Dataset:
        """Return the batches of all epochs from a step on, each epoch shuffled differently.

        The order depends on seed and epoch only, so a resumed training needs no state of the random generator.

        Parameters
        ----------
        epoch : int
            The first epoch, from 0.
        step : int
            Number of batches of that epoch to skip.
        """

        def order(number: int) -> Order:
            shuffled = np.random.default_rng([seed, number + 1]).permutation(self.usable)
            return shuffled[step * self._size if number == epoch else 0 :]

        return self._dataset(order, epoch)

    def in_order(self) -> tf.data.Dataset:
        """Return the batches in the order of the store, repeated without end."""
        return self._dataset(lambda _epoch: self.usable, 0)

    def _dataset(self, order: Callable[[int], Order], first: int) -> Any:
        strategy = self._devices.strategy
        if self._devices.devices == 1:
            return self._share(order, first)
        return strategy.distribute_datasets_from_function(lambda _context: self._share(order, first))

    def _share(self, order: Callable[[int], Order], first: int) -> tf.data.Dataset:
        """Return the batches for the devices of this process, one element per device and step."""
        indices = tf.TensorSpec((None,), tf.int64)
        epochs = tf.data.Dataset.range(first, tf.int64.max).map(
            lambda epoch: tf.ensure_shape(
                tf.numpy_function(lambda number: self._cut(order(int(number))), [epoch], tf.int64), indices.shape
            )
        )
        chosen = epochs.flat_map(lambda indices: tf.data.Dataset.from_tensor_slices(indices).batch(self._size))
        dataset = chosen.map(self._read)
        return (dataset.unbatch() if self._devices.local > 1 else dataset).prefetch(1)

    def _cut(self, order: Order) -> Order:
        return whole_batches(order, self._size) if self._only_whole else order

    def _read(self, chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        side, channels = self._patches.images.shape[2:]
        types = [tf.as_dtype(self._patches.images.dtype), tf.uint8]
        images, labels = tf.numpy_function(self._gather, [chosen], types)
        local = [self._devices.local] if self._devices.local > 1 else []
        images.set_shape([*local, None, side, side, channels])
        labels.set_shape([*local, None, side, side])
        return images, labels

    def _gather(self, chosen: Order) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
        """Read this process's share of a batch; if it has several devices, they are the first axis."""
        devices, local = self._devices.devices, self._devices.local
        if devices == 1:
            return self._patches.images[chosen], self._patches.labels[chosen]
        filled = np.resize(chosen, math.ceil(len(chosen) / devices) * devices)
        counts = np.arange(len(filled)) < len(chosen)
        share = np.s_[self._devices.index * local : (self._devices.index + 1) * local]
        chosen, kept = filled.reshape(devices, -1)[share].ravel(), counts.reshape(devices, -1)[share].ravel()
        images, labels = self._patches.images[chosen], self._patches.labels[chosen] * kept[:, None, None]
        if local == 1:
            return images, labels
        return tuple(array.reshape(local, -1, *array.shape[1:]) for array in (images, labels))  # type: ignore[return-value]


def valid_pixels(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Count the valid pixels of each patch, shape (n,)."""
    counts = [
        np.count_nonzero(labels[start : start + CHUNK] & VALID, axis=(1, 2)) for start in range(0, len(labels), CHUNK)
    ]
    return np.concatenate(counts or [np.zeros(0, dtype=np.int64)])
