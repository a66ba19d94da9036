"""From a whole scene to the probability of cloud, in one pass of the network or in tiles that give the same."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from cloudmask.errors import CloudmaskError
from cloudmask.hdf5 import Scene
from cloudmask.store import normalise
from cloudmask.tiles import Margin, free_memory, largest_tile, margin, tiles

Probability = npt.NDArray[np.float32]


class Predictor:
    """A network made ready for whole scenes of any size.

    One pass over a scene costs half the time of the benchmark's 63 overlapping patches and gives the same inside:
    pooling cells lie as in those patches. Where memory is short the scene is cut into tiles with the halo that the
    network's reach asks for, so that they too give the same, to the last digits of float32. The network computes in
    the precision that it was built with; probabilities are float32.

    Parameters
    ----------
    model : keras.Model
        As `cloudmask.unet.unet` builds it: logits of cloud, for rows and columns that are multiples of 2**depth.
    tile : int
        Side of a tile in pixels; 0 for the whole scene, or for the largest tiles that half of the free memory holds.
    """

    def __init__(self, model: keras.Model, tile: int = 0) -> None:
        kinds = [type(layer) for layer in model.layers]
        self.depth = kinds.count(keras.layers.MaxPooling2D)
        self.width = next(layer.filters for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
        self.tile = tile
        self._forward = tf.function(
            lambda channels: tf.sigmoid(tf.cast(model(channels, training=False), tf.float32)), reduce_retracing=True
        )

    def __call__(self, scene: Scene) -> Probability:
        """Return the probability of cloud, shape (rows, columns); what is not valid holds a number of no meaning.

        Raises
        ------
        CloudmaskError
            If the network gives no number, or memory holds not even the smallest tile.
        """
        rows, columns = scene.cloud.shape
        margins = margin(rows, self.depth), margin(columns, self.depth)
        found = self.padded(scene, margins)
        (top, _), (left, _) = margins
        found = found[top : top + rows, left : left + columns]
        if not np.isfinite(found).all():
            raise CloudmaskError("the network gives no number for some pixels: its training has diverged")
        return found

    def padded(self, scene: Scene, margins: tuple[Margin, Margin]) -> Probability:
        """Return the probability for a scene within margins of zeros, which add up to whole pooling cells."""
        # Zeros are what the network's own convolutions see beyond an edge.
        channels = np.pad(normalise(scene), (*margins, (0, 0)))
        side = self._side(channels.shape[:2])
        while True:
            try:
                return self._tiled(channels, side)
            except tf.errors.ResourceExhaustedError:
                # A GPU's memory is only known once it is full.
                self.tile = side = self._halved(side or max(channels.shape[:2]))

    def _side(self, shape: tuple[int, int]) -> int:
        if self.tile:
            return self._rounded(self.tile)
        return largest_tile(shape, self.width, self.depth, free_memory())

    def _rounded(self, side: int) -> int:
        cell: int = 1 << self.depth
        return max(side // cell, 1) * cell

    def _halved(self, side: int) -> int:
        if side <= 2**self.depth:
            raise CloudmaskError("too little memory for inference, even in the smallest tiles")
        return self._rounded(side // 2)

    def _tiled(self, channels: npt.NDArray[np.float32], side: int) -> Probability:
        shape = channels.shape[:2]
        if not side or side >= max(shape):
            return np.asarray(self._forward(channels[None])[0, ..., 0])
        found = np.empty(shape, dtype=np.float32)
        for tile in tiles(shape, side, self.depth):
            seen = self._forward(channels[None, *tile.seen])
            found[tile.target] = seen[0, ..., 0].numpy()[tile.kept]
        return found
