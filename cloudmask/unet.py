"""The U-Net of the reference: three poolings, two 3 x 3 convolutions a level, 1,948,609 parameters at width 32."""

from __future__ import annotations

import keras
from keras import layers

LEVELS = 3


def unet(width: int = 32, channels: int = 9) -> keras.Model:
    """Build the network.

    Filters double with each pooling, from `width` to 8 x `width`; upsampling repeats pixels and joins the level's skip.
    Kernels start from He's normal distribution, as in the reference.

    Parameters
    ----------
    width : int
        Filters of the first level; the reference has 32.
    channels : int
        Channels of the input.

    Returns
    -------
    keras.Model
        Maps (n, rows, columns, channels), rows and columns multiples of 8, to the logit of cloud (n, rows, columns, 1).
        The reference ends in a sigmoid, which loss and inference apply here: logits do not saturate.
    """

    def convolve(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x)
            x = layers.ReLU()(x)
        return x

    inputs = x = keras.Input((None, None, channels))
    skips = []
    for level in range(LEVELS):
        x = convolve(x, width << level)
        skips.append(x)
        x = layers.MaxPooling2D(2)(x)
    x = convolve(x, width << LEVELS)
    for level in reversed(range(LEVELS)):
        x = layers.UpSampling2D(2)(x)
        x = layers.Concatenate()([x, skips[level]])
        x = convolve(x, width << level)
    return keras.Model(inputs, layers.Conv2D(1, 1, kernel_initializer="he_normal")(x))
