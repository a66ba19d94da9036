"""From a whole scene to its cloud mask, in one pass of the network."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from cloudmask.hdf5 import Mask, Scene
from cloudmask.store import DIVISOR, normalise


def predictor(model: keras.Model) -> Callable[[Scene], Mask]:
    """Compile a network for whole scenes.

    Returns
    -------
    callable
        Maps a scene to a mask of shape (rows, columns), True where cloud is more likely than not.
    """
    forward = tf.function(model, reduce_retracing=True)

    def predict(scene: Scene) -> Mask:
        rows, columns = scene.cloud.shape
        # Zeros are what the network's own convolutions see beyond an edge.
        margin = ((0, -rows % DIVISOR), (0, -columns % DIVISOR), (0, 0))
        logit = forward(np.pad(normalise(scene), margin)[None], training=False)
        return np.asarray(logit[0, :rows, :columns, 0] > 0)

    return predict
