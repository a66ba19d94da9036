"""Batches from the store's memory maps, read ahead while the devices compute, and cut into a share for each device."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from cloudmask.store import VALID, Patches
from cloudmask.team import Team

CHUNK = 256  # patches, when all labels are read once

T = TypeVar("T")
Order = npt.NDArray[np.int_]


@dataclass(frozen=True)
class Batch:
    """A batch as the devices take it.

    Attributes
    ----------
    images : Tensor or one per device, shape (n, patch, patch, 9)
        As the store has them.
    labels : Tensor of uint8 or one per device, shape (n, patch, patch)
        As the store has them.
    pixels : int
        Valid pixels in the shares of all devices together.
    """

    images: Any
    labels: Any
    pixels: int


class Feed:
    """The batches of a subset.

    Parameters
    ----------
    size : int
        Patches of a batch, on all devices together.
    """

    def __init__(self, patches: Patches, size: int, team: Team) -> None:
        self.patches, self.size, self.team = patches, size, team
        self.valid = valid_pixels(patches.labels)
        gpus = tf.config.list_logical_devices("GPU")
        self._devices = [gpu.name for gpu in gpus] or [None] * team.local

    def __call__(self, order: Order) -> Iterator[Batch]:
        """Return the batches of the patches in this order; the last one may be smaller."""
        return ahead(self._batch(order[start : start + self.size]) for start in range(0, len(order), self.size))

    def _batch(self, chosen: Order) -> Batch:
        shares = [share(self.patches, chosen, device, self.team.devices) for device in self._own]
        images, labels = (
            self.team.strategy.experimental_distribute_values_from_function(
                self._placing([each[part] for each in shares])
            )
            for part in (0, 1)
        )
        return Batch(images, labels, int(self.valid[chosen].sum()))

    @property
    def _own(self) -> range:
        """The numbers of this process's devices."""
        return range(self.team.index * self.team.local, (self.team.index + 1) * self.team.local)

    def _placing(self, shares: list[npt.NDArray[Any]]) -> Any:
        def place(context: tf.distribute.experimental.ValueContext) -> tf.Tensor:
            at = context.replica_id_in_sync_group % self.team.local
            # The copy to a GPU then happens in the thread that reads ahead.
            with tf.device(self._devices[at]):
                return tf.identity(tf.convert_to_tensor(shares[at]))

        return place


def share(patches: Patches, chosen: Order, device: int, devices: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint8]]:
    """Return a device's share of a batch, as even as possible; an empty share becomes a patch without valid pixels.

    Returns
    -------
    images, labels : ndarray, shapes (n, patch, patch, 9) and (n, patch, patch)
    """
    part = np.array_split(chosen, devices)[device]
    if part.size:
        return patches.images[part], patches.labels[part]
    return patches.images[chosen[:1]], np.zeros_like(patches.labels[chosen[:1]])


def valid_pixels(labels: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Count the valid pixels of each patch, shape (n,); all processes so know of each batch how many there are."""
    counts = [
        np.count_nonzero(labels[start : start + CHUNK] & VALID, axis=(1, 2)) for start in range(0, len(labels), CHUNK)
    ]
    return np.concatenate(counts or [np.zeros(0, dtype=np.int64)])


def ahead(source: Iterator[T]) -> Iterator[T]:
    """Yield what a source gives, while a thread already gets its next."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, source, None)
        while (item := coming.result()) is not None:
            coming = pool.submit(next, source, None)
            yield item
