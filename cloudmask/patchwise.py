"""Inference as the benchmark does it: overlapping patches of 256 pixels with zeros around the scene."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from cloudmask.compatibility import normalise
from cloudmask.errors import CloudmaskError
from cloudmask.hdf5 import Scene
from cloudmask.tiles import PATCH, STRIDE, benchmark_margin

Probability = npt.NDArray[np.float32]

BORDER = (PATCH - STRIDE) // 2  # pixels of a patch's edge whose prediction is thrown away


class PatchPredictor:
    """A network made ready for scenes in the benchmark's 63 patches of 1200 x 1500 pixels, one row of them at a time.

    Patches begin every 176 pixels, in a scene that TensorFlow's padding "SAME" surrounds with zeros; 40 pixels are cut
    off each side of a prediction, and what remains is put together again.

    Parameters
    ----------
    model : keras.Model
        As `cloudmask.unet.unet` builds it: logits of cloud.
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
            If the network gives no number.
        """
        rows, columns = scene.cloud.shape
        margins = benchmark_margin(rows), benchmark_margin(columns)
        channels = np.pad(normalise(scene), (*margins, (0, 0)))
        bands = [self._band(channels[top : top + PATCH]) for top in range(0, len(channels) - PATCH + 1, STRIDE)]
        # The first pixel that is kept lies BORDER within the margin.
        top, left = (before - BORDER for before, _ in margins)
        found = np.concatenate(bands)[top : top + rows, left : left + columns]
        if not np.isfinite(found).all():
            raise CloudmaskError("the network gives no number for some pixels: its training has diverged")
        return found

    def _band(self, channels: npt.NDArray[np.float32]) -> Probability:
        """Predict the patches of one row, shape (256, columns with margins, 9)."""
        starts = range(0, channels.shape[1] - PATCH + 1, STRIDE)
        patches = np.stack([channels[:, left : left + PATCH] for left in starts])
        found = self._forward(patches).numpy()[:, BORDER:-BORDER, BORDER:-BORDER, 0]
        return np.concatenate(list(found), axis=1)
