"""A joining convolution is upsampling, concatenation and convolution in one."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from cloudmask.joining import JoiningConv2D

pytestmark = pytest.mark.usefixtures("tensorflow")


def apart(shapes: list[tuple[int, ...]], filters: int, dtype: str) -> keras.Model:
    low, skip = inputs = [keras.Input(shape[1:], dtype=dtype) for shape in shapes]
    together = layers.Concatenate(dtype=dtype)([layers.UpSampling2D(dtype=dtype)(low), skip])
    return keras.Model(inputs, layers.Conv2D(filters, 3, padding="same", dtype=dtype)(together))


def with_gradients(layer: Any, arrays: list[Any]) -> list[Any]:
    tensors = [tf.constant(each) for each in arrays]
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
    weights = [random.normal(size=each.shape) for each in joining.get_weights()]
    for each in (expected, joining):
        each.set_weights(weights)
    pairs = zip(with_gradients(joining, arrays), with_gradients(expected, arrays), strict=True)
    assert all(np.allclose(found, wanted, rtol=0, atol=1e-12) for found, wanted in pairs)


def test_weights_start_as_those_of_one_convolution() -> None:
    joining = JoiningConv2D(32)
    joining.build([(None, None, None, 64), (None, None, None, 32)])
    kernel, bias = joining.get_weights()
    assert kernel.shape == (3, 3, 96, 32)
    assert np.std(kernel) == pytest.approx((2 / (9 * 96)) ** 0.5, rel=0.05)  # He et al. (2015)
    assert not bias.any()
