"""Upsampling, concatenation and 3 x 3 convolution in one layer, which computes less and keeps nothing in between."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

Pair = tuple[Any, Any]
Shape = tuple[Any, ...]
SIDE = 3  # pixels of the kernel


class JoiningConv2D(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """The convolution after a skip connection: ``Conv2D(filters, 3)(Concatenate()([UpSampling2D()(low), skip]))``.

    It has that convolution's weights and gives its results, to the last digits, without the two tensors in between. A
    convolution is linear, so low and skip are convolved apart and added. To repeat pixels of `low` and convolve them
    with 3 x 3 weights is a transposed convolution of stride 2 with 4 x 4 weights, the sum of the 3 x 3 ones at four
    places (Dumoulin and Visin, 2016, https://arxiv.org/abs/1603.07285, section 4): 4 products a pixel and channel in
    place of 9.

    Parameters
    ----------
    filters : int
        Channels of the output.
    """

    def __init__(self, filters: int, **options: Any) -> None:
        super().__init__(**options)
        self.filters = filters

    def build(self, shapes: tuple[Shape, Shape]) -> None:
        """Make the weights, as `Conv2D` would for the concatenated channels, those of `low` first."""
        self._low, skip = (shape[-1] for shape in shapes)
        # In float32 until the 4 x 4 weights are summed.
        self.kernel = self.add_weight(
            (SIDE, SIDE, self._low + skip, self.filters), "he_normal", name="kernel", autocast=False
        )
        self.bias = self.add_weight((self.filters,), "zeros", name="bias")

    def call(self, pair: Pair) -> Any:
        """Convolve.

        Parameters
        ----------
        pair : (tensor, tensor)
            The level below, of shape (n, rows / 2, columns / 2, channels), and the skip, (n, rows, columns, channels).

        Returns
        -------
        tensor, shape (n, rows, columns, filters)
        """
        low, skip = pair
        for_low, for_skip = ops.split(self.kernel, [self._low], axis=2)
        spread, kernel = (ops.cast(each, self.compute_dtype) for each in (spread_out(for_low), for_skip))
        raised = ops.conv_transpose(low, spread, strides=2, padding="same")
        # In this form TensorFlow fuses the convolution and the bias.
        return tf.nn.bias_add(ops.conv(skip, kernel, padding="same"), self.bias) + raised

    def compute_output_shape(self, shapes: tuple[Shape, Shape]) -> Shape:
        """Return the skip's shape with the layer's own channels."""
        return (*shapes[1][:-1], self.filters)


def spread_out(kernel: Any) -> Any:
    """Turn 3 x 3 weights for pixels that are repeated twice a side into weights of a transposed convolution.

    Parameters
    ----------
    kernel : tensor, shape (3, 3, channels in, channels out)

    Returns
    -------
    tensor, shape (4, 4, channels out, channels in)
        As `keras.ops.conv_transpose` takes them.
    """
    places = [((row, 1 - row), (column, 1 - column), (0, 0), (0, 0)) for row in (0, 1) for column in (0, 1)]
    total = sum(ops.pad(kernel, place) for place in places)
    return ops.transpose(ops.flip(total, (0, 1)), (0, 1, 3, 2))
