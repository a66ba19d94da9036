"""Losses against plain formulas, over valid pixels only, and their sums over shares of a batch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmask.model.train_step import LOSSES, correct

pytestmark = pytest.mark.usefixtures("tensorflow")
Array = npt.NDArray[np.float64]
Inputs = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]


def plain_cross_entropy(p: Array, y: Array) -> float:
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).sum())


def plain_dice(p: Array, y: Array) -> float:
    return float(len(p) * (1 - (2 * (p * y).sum() + 1) / (p.sum() + y.sum() + 1)))


PLAIN: dict[str, Callable[[Array, Array], float]] = {"cross_entropy": plain_cross_entropy, "dice": plain_dice}


def inputs(seed: int, patches: int) -> Inputs:
    rng = np.random.default_rng(seed)
    shape = (patches, 5, 7)
    logit = rng.normal(scale=3, size=shape).astype(np.float32)
    cloud, valid = ((rng.random(shape) < rng.random()).astype(np.float32) for _ in range(2))
    return logit, cloud, valid


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(sorted(LOSSES)), st.integers(0, 2**32), st.integers(1, 4))
def test_a_loss_is_the_plain_formula_over_valid_pixels(name: str, seed: int, patches: int) -> None:
    logit, cloud, valid = inputs(seed, patches)
    found = LOSSES[name](logit, cloud, valid).numpy()
    for patch in range(patches):
        chosen = valid[patch] > 0
        p = 1 / (1 + np.exp(-logit[patch][chosen].astype(float)))
        assert found[patch] == pytest.approx(PLAIN[name](p, cloud[patch][chosen].astype(float)), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_pixels_that_are_not_valid_have_no_part(name: str) -> None:
    logit, cloud, valid = inputs(1, 3)
    other_logit, other_cloud = np.where(valid > 0, logit, 50), np.where(valid > 0, cloud, 1 - cloud)
    assert np.array_equal(LOSSES[name](logit, cloud, valid), LOSSES[name](other_logit, other_cloud, valid))
    assert np.array_equal(correct(logit, cloud, valid), correct(other_logit, other_cloud, valid))


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("logit", [-1e4, 0.0, 1e4])
def test_no_valid_pixel_or_a_sure_network_gives_numbers(name: str, logit: float) -> None:
    field = tf.Variable(np.full((1, 4, 4), logit, dtype=np.float32))
    for valid in (0.0, 1.0):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(LOSSES[name](field, np.ones((1, 4, 4), "f4"), np.full((1, 4, 4), valid, "f4")))
        assert np.isfinite(loss)
        assert np.isfinite(tape.gradient(loss, field)).all()
    assert LOSSES[name](field, np.ones((1, 4, 4), "f4"), np.zeros((1, 4, 4), "f4")).numpy() == 0


def test_correct_pixels_are_counted() -> None:
    logit, cloud, valid = inputs(2, 3)
    expected = (((logit > 0) == (cloud > 0)) & (valid > 0)).sum(axis=(1, 2))
    assert correct(logit, cloud, valid).numpy().tolist() == expected.tolist()
