"""The U-Net of the reference: three poolings, two 3 x 3 convolutions a level, 1,948,609 parameters at width 32."""

from __future__ import annotations

import keras
from keras import layers

from cloudmask.joining import JoiningConv2D
from cloudmask.store import CHANNELS


def unet(width: int = 32, depth: int = 3, channels: int = CHANNELS, precision: str = "float32") -> keras.Model:
    """Build the network.

    Filters double with each pooling, from `width` to `width` x 2**depth; `JoiningConv2D` does what upsampling,
    concatenation and convolution do in the reference. Kernels start from He's normal distribution, as there.

    Parameters
    ----------
    width : int
        Filters of the first level; the reference has 32.
    depth : int
        Poolings; the reference has 3.
    channels : int
        Channels of the input.
    precision : str
        What Keras calls a dtype policy: float32, mixed_bfloat16 or mixed_float16. The weights, and the last layer with
        its logit, are float32 in all of them. In float64, for checks, all is float64.

    Returns
    -------
    keras.Model
        Maps (n, rows, columns, channels), rows and columns multiples of 2**depth, to the logit of cloud
        (n, rows, columns, 1). The reference ends in a sigmoid, which loss and inference apply here: logits do not
        saturate.
    """

    def convolve(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
        x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", dtype=precision)(x)
        return layers.ReLU(dtype=precision)(x)

    def join(x: keras.KerasTensor, skip: keras.KerasTensor, filters: int) -> keras.KerasTensor:
        return layers.ReLU(dtype=precision)(JoiningConv2D(filters, dtype=precision)((x, skip)))

    inputs = x = keras.Input((None, None, channels), dtype="float32")
    skips = []
    for level in range(depth):
        x = convolve(convolve(x, width << level), width << level)
        skips.append(x)
        x = layers.MaxPooling2D(2, dtype=precision)(x)
    x = convolve(convolve(x, width << depth), width << depth)
    for level in reversed(range(depth)):
        x = convolve(join(x, skips[level], width << level), width << level)
    last = "float64" if precision == "float64" else "float32"
    return keras.Model(inputs, layers.Conv2D(1, 1, kernel_initializer="he_normal", dtype=last)(x))
