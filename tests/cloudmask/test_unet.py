"""The network is the reference's, at any width and depth."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from cloudmask.model.unet import JoiningConv2D, unet

pytestmark = pytest.mark.usefixtures("tensorflow")
# Kernels of the reference in the order of its layers: rows, columns, channels in, channels out.
REFERENCE = [
    (3, 3, 9, 32),
    (3, 3, 32, 32),
    (3, 3, 32, 64),
    (3, 3, 64, 64),
    (3, 3, 64, 128),
    (3, 3, 128, 128),
    (3, 3, 128, 256),
    (3, 3, 256, 256),
    (3, 3, 256 + 128, 128),
    (3, 3, 128, 128),
    (3, 3, 128 + 64, 64),
    (3, 3, 64, 64),
    (3, 3, 64 + 32, 32),
    (3, 3, 32, 32),
    (1, 1, 32, 1),
]


@pytest.mark.parametrize("joining", [False, True])
def test_the_layers_are_the_references(joining: bool) -> None:
    model = unet(joining=joining)
    shapes = [tuple(variable.shape) for variable in model.trainable_variables]
    assert shapes[::2] == REFERENCE
    assert shapes[1::2] == [(shape[-1],) for shape in REFERENCE]  # biases
    assert model.count_params() == 1_948_609


@pytest.mark.parametrize(("width", "depth"), [(1, 1), (2, 2), (3, 4)])
def test_width_and_depth_are_free(width: int, depth: int) -> None:
    model = unet(width, depth)
    side = 2**depth
    assert model(np.zeros((2, side, 3 * side, 9), dtype=np.float32)).shape == (2, side, 3 * side, 1)
    filters = [variable.shape[-1] for variable in model.trainable_variables if len(variable.shape) == 4]
    assert max(filters) == width * 2**depth
    assert len(filters) == 4 * depth + 3


@pytest.mark.parametrize(("precision", "error"), [("mixed_bfloat16", 0.04), ("mixed_float16", 0.005)])
def test_weights_and_logit_are_float32_in_any_precision(precision: str, error: float) -> None:
    model = unet(2, precision=precision)
    assert {variable.dtype for variable in model.variables} == {"float32"}
    assert model.layers[1].compute_dtype == precision.removeprefix("mixed_")
    same = unet(2)
    same.set_weights(model.get_weights())
    image = np.random.default_rng(1).normal(size=(1, 16, 16, 9)).astype(np.float32)
    logit = model(image)
    assert logit.dtype == np.float32
    expected = same(image)
    assert 0 < np.abs(logit - expected).max() < error * np.abs(expected).max()


def test_the_joining_network_has_the_same_weights_and_results() -> None:
    plain, joining = unet(3, 3), unet(3, 3, joining=True)
    joining.set_weights(plain.get_weights())
    image = np.random.default_rng(1).normal(size=(1, 16, 24, 9)).astype(np.float32)
    assert np.allclose(joining(image), plain(image), rtol=0, atol=1e-5)


def apart(shapes: list[tuple[int, ...]], filters: int, dtype: str) -> keras.Model:
    low, skip = inputs = [keras.Input(shape[1:], dtype=dtype) for shape in shapes]
    together = layers.Concatenate(dtype=dtype)([layers.UpSampling2D(dtype=dtype)(low), skip])
    return keras.Model(inputs, layers.Conv2D(filters, 3, padding="same", dtype=dtype)(together))


def with_gradients(layer: Any, arrays: list[Any]) -> list[Any]:
    tensors = [tf.constant(array) for array in arrays]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        found = layer(tensors)
        total = tf.reduce_sum(tf.sin(found))
    return [found, *tape.gradient(total, [*tensors, *layer.trainable_variables])]


@pytest.mark.parametrize(
    ("rows", "columns", "below", "skipped", "filters"), [(1, 1, 1, 1, 1), (3, 5, 4, 2, 3), (8, 2, 1, 3, 2)]
)
def test_results_and_gradients_are_those_of_three_layers(
    rows: int, columns: int, below: int, skipped: int, filters: int
) -> None:
    random = np.random.default_rng(rows)
    shapes = [(2, rows, columns, below), (2, 2 * rows, 2 * columns, skipped)]
    arrays = [random.normal(size=shape) for shape in shapes]
    expected, joining = apart(shapes, filters, "float64"), JoiningConv2D(filters, dtype="float64")
    joining.build(shapes)
    weights = [random.normal(size=weight.shape) for weight in joining.get_weights()]
    for model in (expected, joining):
        model.set_weights(weights)
    pairs = zip(with_gradients(joining, arrays), with_gradients(expected, arrays), strict=True)
    assert all(np.allclose(found, wanted, rtol=0, atol=1e-12) for found, wanted in pairs)


def test_weights_start_as_those_of_one_convolution() -> None:
    joining = JoiningConv2D(32)
    joining.build([(None, None, None, 64), (None, None, None, 32)])
    kernel, bias = joining.get_weights()
    assert kernel.shape == (3, 3, 96, 32)
    assert np.std(kernel) == pytest.approx((2 / (9 * 96)) ** 0.5, rel=0.05)  # He et al. (2015)
    assert not bias.any()
