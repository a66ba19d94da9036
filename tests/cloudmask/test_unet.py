"""The network is the reference's, at any width and depth."""

from __future__ import annotations

import numpy as np
import pytest

from cloudmask.unet import unet

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


def test_the_layers_are_the_references() -> None:
    model = unet()
    shapes = [tuple(each.shape) for each in model.trainable_variables]
    assert shapes[::2] == REFERENCE
    assert shapes[1::2] == [(shape[-1],) for shape in REFERENCE]  # biases
    assert model.count_params() == 1_948_609


@pytest.mark.parametrize(("width", "depth"), [(1, 1), (2, 2), (3, 4)])
def test_width_and_depth_are_free(width: int, depth: int) -> None:
    model = unet(width, depth)
    side = 2**depth
    assert model(np.zeros((2, side, 3 * side, 9), dtype=np.float32)).shape == (2, side, 3 * side, 1)
    filters = [each.shape[-1] for each in model.trainable_variables if len(each.shape) == 4]
    assert max(filters) == width * 2**depth
    assert len(filters) == 4 * depth + 3


@pytest.mark.parametrize(("precision", "error"), [("mixed_bfloat16", 0.04), ("mixed_float16", 0.005)])
def test_weights_and_logit_are_float32_in_any_precision(precision: str, error: float) -> None:
    model = unet(2, precision=precision)
    assert {each.dtype for each in model.variables} == {"float32"}
    assert model.layers[1].compute_dtype == precision.removeprefix("mixed_")
    same = unet(2)
    same.set_weights(model.get_weights())
    image = np.random.default_rng(1).normal(size=(1, 16, 16, 9)).astype(np.float32)
    logit = model(image)
    assert logit.dtype == np.float32
    expected = same(image)
    assert 0 < np.abs(logit - expected).max() < error * np.abs(expected).max()
