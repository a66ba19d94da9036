"""Inference on whole scenes: in one pass, in exact tiles, or in the benchmark's patches.

All lengths are in pixels. Each pooling halves the image, so a network of `depth` levels divides a scene into cells of
2**depth pixels. The margins of a scene align these cells with those of the benchmark's own patches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from cloudmask.data import compatibility
from cloudmask.data.hdf5 import Scene
from cloudmask.data.patches import normalize
from cloudmask.errors import CloudmaskError
from cloudmask.machine import free_memory
from cloudmask.model.unet import depth_of, width_of

# The benchmark's inference covers a scene with patches of 256 pixels that overlap by 80 (TensorFlow's padding "SAME").
PATCH, STRIDE = 256, 176
CONVOLUTIONS = 2  # of 3 x 3 in each level of the U-Net
# Peak memory per pixel and filter of the first level, measured on 1200 x 1504 pixels: 14 at width 32, 23 at width 8.
BYTES = 24

Margin = tuple[int, int]
Window = tuple[slice, slice]


def margin(size: int, depth: int) -> Margin:
    """Return the zeros to add before and after an axis to align pooling cells with the benchmark's patches.

    The benchmark pads an axis of n pixels to hold k = ceil(n / 176) patches: (k - 1) x 176 + 256 - n zeros, the smaller
    half of them first. Zeros beyond one cell are omitted: they change only pixels within the network's reach of the
    edge.

    >>> margin(1500, depth=3), margin(1200, depth=3)
    ((2, 2), (0, 0))
    """
    cell = 1 << depth
    before = benchmark_margin(size)[0] % cell
    return before, -(size + before) % cell


def benchmark_margin(size: int) -> Margin:
    """Return the zeros that the benchmark's patches add before and after an axis.

    >>> benchmark_margin(1500), benchmark_margin(1200)
    ((82, 82), (56, 56))
    """
    total = max((-(-size // STRIDE) - 1) * STRIDE + PATCH - size, 0)
    return total // 2, total - total // 2


def reach(depth: int) -> int:
    """Return the reach of the U-Net's receptive field: 6 x 2**depth - 2 for two or more levels.

    Going back from the output, upsampling halves the reach, rounded up, pooling doubles it, and the two convolutions
    of a level add two pixels on each side.

    >>> [reach(depth) for depth in (1, 2, 3, 4)]
    [8, 22, 46, 94]
    """
    seen = 0
    for _ in range(depth):
        seen = (seen + CONVOLUTIONS + 1) // 2
    seen += CONVOLUTIONS
    for _ in range(depth):
        seen = 2 * seen + CONVOLUTIONS
    return seen


def halo(depth: int) -> int:
    """Return the smallest exact overlap: the reach, rounded up to whole pooling cells.

    >>> halo(3)
    48
    """
    cell = 1 << depth
    return -(-reach(depth) // cell) * cell


@dataclass(frozen=True)
class Tile:
    """A part of a padded scene.

    Attributes
    ----------
    seen : tuple of slice
        The input of the network: the tile and its halo, clipped to the scene. Beyond the scene, the convolutions pad
        with zeros.
    kept : tuple of slice
        The exact part of the output, relative to `seen`.
    target : tuple of slice
        The position of that part in the padded scene.
    """

    seen: Window
    kept: Window
    target: Window


def tiles(shape: tuple[int, int], side: int, depth: int) -> Iterator[Tile]:
    """Yield tiles of at most `side` x `side` pixels; the sides of the scene are multiples of 2**depth.

    >>> [tile.seen[1] for tile in tiles((8, 200), 80, depth=3)]
    [slice(0, 128, None), slice(32, 200, None), slice(112, 200, None)]
    """
    for rows in _spans(shape[0], side, halo(depth)):
        for columns in _spans(shape[1], side, halo(depth)):
            yield Tile(*zip(rows, columns, strict=True))


def _spans(size: int, side: int, around: int) -> Iterator[tuple[slice, slice, slice]]:
    for start in range(0, size, side):
        stop = min(start + side, size)
        first, last = max(start - around, 0), min(stop + around, size)
        yield slice(first, last), slice(start - first, stop - first), slice(start, stop)


def largest_tile(shape: tuple[int, int], width: int, depth: int, memory: int) -> int:
    """Return the side of the largest tile whose pass fits in half of the memory; 0 if the whole scene does.

    Parameters
    ----------
    width : int
        Filters of the network's first level.
    memory : int
        Bytes available.

    Raises
    ------
    CloudmaskError
        If not even the smallest tile fits.
    """
    pixels = memory // 2 // (BYTES * width)
    if shape[0] * shape[1] <= pixels:
        return 0
    cell = 1 << depth
    side = (int(pixels**0.5) - 2 * halo(depth)) // cell * cell
    if side < cell:
        smallest = (cell + 2 * halo(depth)) ** 2 * BYTES * width * 2 >> 20
        raise CloudmaskError(
            f"too little memory for inference: {memory >> 20} MB are free, and a network of width {width} and depth "
            f"{depth} needs {smallest} MB for its smallest tile"
        )
    return side


Probability = npt.NDArray[np.float32]


class Predictor:
    """Predicts whole scenes of any size with a network.

    One pass over a scene takes half the time of the benchmark's 63 overlapping patches and gives the same result
    except at the edges, since pooling cells are aligned. If memory is short, the scene is cut into tiles with a halo
    of the network's reach, which gives the same result up to rounding in float32. The network computes in the
    precision with which it was built; probabilities are float32.

    Parameters
    ----------
    model : keras.Model
        From `cloudmask.model.unet.unet`: logits of cloud, for rows and columns that are multiples of 2**depth.
    tile : int
        Side of a tile in pixels; 0 for the whole scene or the largest tiles that fit in half of the free memory.
    """

    def __init__(self, model: keras.Model, tile: int = 0) -> None:
        self.depth, self.width, self.tile = depth_of(model), width_of(model), tile
        self._forward = tf.function(
            lambda channels: tf.sigmoid(tf.cast(model(channels, training=False), tf.float32)), reduce_retracing=True
        )

    def __call__(self, scene: Scene) -> Probability:
        """Return the probability of cloud, shape (rows, columns); values of invalid pixels are undefined.

        Raises
        ------
        CloudmaskError
            If the output is not finite, or the smallest tile does not fit in memory.
        """
        rows, columns = scene.cloud.shape
        margins = margin(rows, self.depth), margin(columns, self.depth)
        probability = self.padded(scene, margins)
        (top, _), (left, _) = margins
        probability = probability[top : top + rows, left : left + columns]
        if not np.isfinite(probability).all():
            raise CloudmaskError("the network gives no number for some pixels: its training has diverged")
        return probability

    def padded(self, scene: Scene, margins: tuple[Margin, Margin]) -> Probability:
        """Return the probability for a scene padded with zeros to whole pooling cells."""
        # The network's convolutions pad with zeros, too.
        channels = np.pad(normalize(scene), (*margins, (0, 0)))
        side = self._side(channels.shape[:2])
        while True:
            try:
                return self._tiled(channels, side)
            except tf.errors.ResourceExhaustedError:
                # The free memory of a GPU is not known in advance.
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
        probability = np.empty(shape, dtype=np.float32)
        for tile in tiles(shape, side, self.depth):
            seen = self._forward(channels[None, *tile.seen])
            probability[tile.target] = seen[0, ..., 0].numpy()[tile.kept]
        return probability


BORDER = (PATCH - STRIDE) // 2  # pixels at each edge of a patch whose prediction is discarded


class PatchPredictor:
    """Predicts scenes in the benchmark's patches, 63 for 1200 x 1500 pixels, one row of patches at a time.

    Patches start every 176 pixels, in a scene padded with zeros as by TensorFlow's padding "SAME". 40 pixels are
    cropped from each side of a prediction, and the remaining parts are joined.

    Parameters
    ----------
    model : keras.Model
        From `cloudmask.model.unet.unet`: logits of cloud.
    """

    def __init__(self, model: keras.Model) -> None:
        self._forward = tf.function(
            lambda patches: tf.sigmoid(tf.cast(model(patches, training=False), tf.float32)), reduce_retracing=True
        )

    def __call__(self, scene: Scene) -> Probability:
        """Return the probability of cloud, shape (rows, columns).

        Raises
        ------
        CloudmaskError
            If the output is not finite.
        """
        rows, columns = scene.cloud.shape
        margins = benchmark_margin(rows), benchmark_margin(columns)
        channels = np.pad(compatibility.normalize(scene), (*margins, (0, 0)))
        bands = [self._band(channels[top : top + PATCH]) for top in range(0, len(channels) - PATCH + 1, STRIDE)]
        # The first pixel kept is BORDER pixels inside the margin.
        top, left = (before - BORDER for before, _ in margins)
        probability = np.concatenate(bands)[top : top + rows, left : left + columns]
        if not np.isfinite(probability).all():
            raise CloudmaskError("the network gives no number for some pixels: its training has diverged")
        return probability

    def _band(self, channels: npt.NDArray[np.float32]) -> Probability:
        """Predict the patches of one row, shape (256, columns with margins, 9)."""
        starts = range(0, channels.shape[1] - PATCH + 1, STRIDE)
        patches = np.stack([channels[:, left : left + PATCH] for left in starts])
        probability = self._forward(patches).numpy()[:, BORDER:-BORDER, BORDER:-BORDER, 0]
        return np.concatenate(list(probability), axis=1)
