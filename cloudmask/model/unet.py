"""The U-Net of the reference: three poolings, two 3 x 3 convolutions a level, 1,948,609 parameters at width 32.

`unet` builds it from Keras's own layers. `JoiningConv2D` fuses three of them, with the same weights and results;
training and inference use it, since it saves a quarter of the time. Saved files have Keras's own layers only.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from keras import layers, ops

from cloudmask.data.patches import CHANNELS
from cloudmask.errors import InputError
from cloudmask.files import write_bytes

SIDE = 3  # pixels of the kernel


def unet(
    width: int = 32, depth: int = 3, channels: int = CHANNELS, precision: str = "float32", joining: bool = False
) -> keras.Model:
    """Build the network.

    Filters double with each pooling, from `width` to `width` x 2**depth. Kernels start from He's normal distribution,
    as in the reference.

    Parameters
    ----------
    width : int
        Filters of the first level; the reference has 32.
    depth : int
        Poolings; the reference has 3.
    channels : int
        Channels of the input.
    precision : str
        Keras's dtype policy: float32, mixed_bfloat16 or mixed_float16. The weights, and the last layer with its logit,
        are always float32. In float64, for checks, everything is float64.
    joining : bool
        Whether `JoiningConv2D` replaces upsampling, concatenation and convolution. The weights are the same.

    Returns
    -------
    keras.Model
        Maps (n, rows, columns, channels), rows and columns multiples of 2**depth, to the logit of cloud
        (n, rows, columns, 1). The reference ends in a sigmoid; here, loss and inference apply it, since logits do not
        saturate.
    """

    def convolve(x: keras.KerasTensor, filters: int) -> keras.KerasTensor:
        x = layers.Conv2D(filters, SIDE, padding="same", kernel_initializer="he_normal", dtype=precision)(x)
        return layers.ReLU(dtype=precision)(x)

    def join(x: keras.KerasTensor, skip: keras.KerasTensor, filters: int) -> keras.KerasTensor:
        if joining:
            return layers.ReLU(dtype=precision)(JoiningConv2D(filters, dtype=precision)((x, skip)))
        return convolve(layers.Concatenate(dtype=precision)([layers.UpSampling2D(dtype=precision)(x), skip]), filters)

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


def depth_of(model: keras.Model) -> int:
    """Return the number of poolings of a network built by `unet`."""
    return [type(layer) for layer in model.layers].count(layers.MaxPooling2D)


def width_of(model: keras.Model) -> int:
    """Return the number of filters in the first level of a network built by `unet`."""
    return int(_first(model).filters)


def _first(model: keras.Model) -> Any:
    return next(layer for layer in model.layers if isinstance(layer, layers.Conv2D))


def save(model: keras.Model, path: Path, name: str) -> None:
    """Save a network built by `unet` as a Keras file that can be loaded without this package.

    The saved network has Keras's own layers and ends in a sigmoid, which returns the probability of cloud for
    normalized channels.

    Parameters
    ----------
    name : str
        The name of the saved model.
    """
    precision = _first(model).dtype_policy.name
    plain = unet(width_of(model), depth_of(model), model.input_shape[-1], precision)
    plain.set_weights(model.get_weights())
    probability = layers.Activation("sigmoid", dtype="float32")(plain.output)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "model.keras"
        keras.Model(plain.input, probability, name=name).save(file)
        write_bytes(path, file.read_bytes())


def load(path: Path) -> tuple[keras.Model, str]:
    """Load a network saved by `save`; return it with `JoiningConv2D` layers, and its name.

    Raises
    ------
    InputError
        If the file does not exist or is not such a network.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        saved = keras.models.load_model(path, compile=False)
        model = unet(width_of(saved), depth_of(saved), saved.input_shape[-1], _first(saved).dtype_policy.name, True)
        model.set_weights(saved.get_weights())
    except Exception as error:  # noqa: BLE001  Keras raises many kinds
        raise InputError(f"{path}: not a network of CloudMask: {' '.join(str(error).split())[:200]}") from None
    return model, saved.name


class JoiningConv2D(keras.layers.Layer):  # type: ignore[misc]  # Keras has no types
    """The convolution after a skip connection: ``Conv2D(filters, 3)(Concatenate()([UpSampling2D()(low), skip]))``.

    It has the same weights and, up to rounding, the same results, without the two intermediate tensors. A convolution
    is linear, so low and skip are convolved separately and added. Repeating the pixels of `low` and convolving them
    with 3 x 3 weights equals a transposed convolution of stride 2 with 4 x 4 weights, the sum of the 3 x 3 weights at
    four offsets (Dumoulin and Visin, 2016, https://arxiv.org/abs/1603.07285, section 4): 4 products per pixel and
    channel instead of 9.

    Parameters
    ----------
    filters : int
        Channels of the output.
    """

    def __init__(self, filters: int, **options: Any) -> None:
        super().__init__(**options)
        self.filters = filters

    def build(self, shapes: tuple[tuple[Any, ...], tuple[Any, ...]]) -> None:
        """Create the weights as `Conv2D` does for the concatenated channels, those of `low` first."""
        self._low, skip = (shape[-1] for shape in shapes)
        # Kept in float32 until the 4 x 4 weights are summed.
        self.kernel = self.add_weight(
            (SIDE, SIDE, self._low + skip, self.filters), "he_normal", name="kernel", autocast=False
        )
        self.bias = self.add_weight((self.filters,), "zeros", name="bias")

    def call(self, pair: tuple[Any, Any]) -> Any:
        """Return the convolution of the upsampled lower level and the skip connection.

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
        spread, kernel = (ops.cast(weights, self.compute_dtype) for weights in (spread_out(for_low), for_skip))
        raised = ops.conv_transpose(low, spread, strides=2, padding="same")
        # In this form TensorFlow fuses the convolution and the bias.
        return tf.nn.bias_add(ops.conv(skip, kernel, padding="same"), self.bias) + raised

    def compute_output_shape(self, shapes: tuple[tuple[Any, ...], tuple[Any, ...]]) -> tuple[Any, ...]:
        """Return the shape of the skip connection with the layer's number of channels."""
        return (*shapes[1][:-1], self.filters)


def spread_out(kernel: Any) -> Any:
    """Convert 3 x 3 weights for upsampled pixels to weights of a transposed convolution.

    Parameters
    ----------
    kernel : tensor, shape (3, 3, channels in, channels out)

    Returns
    -------
    tensor, shape (4, 4, channels out, channels in)
        Weights for `keras.ops.conv_transpose`.
    """
    places = [((row, 1 - row), (column, 1 - column), (0, 0), (0, 0)) for row in (0, 1) for column in (0, 1)]
    total = sum(ops.pad(kernel, place) for place in places)
    return ops.transpose(ops.flip(total, (0, 1)), (0, 1, 3, 2))
