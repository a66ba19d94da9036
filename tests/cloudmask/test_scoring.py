"""Scores and the baseline, checked by hand and against what must always hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cloudmask.hdf5 import Mask, Scene
from cloudmask.scoring import Counts, summarise
from cloudmask.threshold import threshold_mask

SHAPE = (6, 7)
masks = arrays(np.bool_, SHAPE)
counts = st.builds(Counts, *[st.integers(0, 1000)] * 4).filter(lambda each: each.pixels > 0)


def scene(cloud: Mask, valid: Mask) -> Scene:
    return Scene(np.zeros((*cloud.shape, 9), dtype=np.float32), valid, cloud)


@given(masks, masks, masks.filter(np.any))
def test_each_valid_pixel_counts_once(predicted: Mask, cloud: Mask, valid: Mask) -> None:
    found = Counts.of(predicted, scene(cloud, valid))
    assert found.pixels == valid.sum()
    assert found.hits == (predicted & cloud & valid).sum()
    assert found.accuracy == pytest.approx((predicted == cloud)[valid].mean())
    assert found.cover == pytest.approx(cloud[valid].mean())


@given(st.lists(counts, min_size=1))
def test_metrics_are_shares(scenes: list[Counts]) -> None:
    metrics = summarise(scenes)
    assert "accuracy" in metrics
    assert all(0 <= share <= 1 for share in metrics.values())


def test_every_scene_weighs_the_same_in_accuracy_but_not_in_the_other_metrics() -> None:
    metrics = summarise([Counts(hits=10, misses=0, false_alarms=0, clear=0), Counts(0, 100, 0, 0)])
    assert metrics["accuracy"] == 0.5
    assert metrics["pod"] == pytest.approx(10 / 110)


def test_a_metric_that_is_not_defined_is_left_out() -> None:
    assert set(summarise([Counts(hits=0, misses=0, false_alarms=0, clear=9)])) == {"accuracy", "pofd"}


@pytest.mark.parametrize(
    ("temperature", "bright", "cloud"),
    [(250, 0.0, True), (290, 0.2, True), (290, 0.01, False), (266, 0.07, False), (265.9, 0.0, True)],
)
def test_the_baseline_calls_cold_or_bright_pixels_cloud(temperature: float, bright: float, cloud: bool) -> None:
    pixel = scene(np.ones((1, 1), dtype=bool), np.ones((1, 1), dtype=bool))
    pixel.channels[..., 1], pixel.channels[..., 6] = temperature, bright
    assert threshold_mask(pixel).item() is cloud
