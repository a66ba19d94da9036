"""A synthetic scene looks like a file of the benchmark and hides its truth."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cloudmask.data.hdf5 import SCHEMA, Scene, read_scene
from cloudmask.data.scenes import Order, make_scene
from cloudmask.data.synthesis import synthesize

SHAPE = (120, 150)
both = pytest.mark.parametrize("day", [True, False], ids=["day", "night"])


@both
def test_every_dataset_has_the_published_shape_and_type(day: bool) -> None:
    benchmark, _ = synthesize(np.random.default_rng(1), SHAPE, day)
    assert {name: (array.shape, array.dtype) for name, array in benchmark.items()} == {
        name: ((*SHAPE, channels), np.dtype(kind)) for name, (channels, kind) in SCHEMA.items()
    }


@both
def test_values_are_those_of_the_instrument(day: bool) -> None:
    benchmark, _ = synthesize(np.random.default_rng(2), SHAPE, day)
    inside = benchmark["bts"][..., 0] > 0
    assert np.all((benchmark["bts"][inside] > 180) & (benchmark["bts"][inside] < 340))
    assert benchmark["bts"][..., 0].max() <= 311.5
    assert np.all((benchmark["refs"] >= 0) & (benchmark["refs"] < 2))
    assert set(np.unique(benchmark["bayes"])) <= {0.0, 255.0}


@pytest.mark.parametrize("name", ["refs", "rads"])
def test_solar_channels_are_off_at_night(name: str) -> None:
    assert not synthesize(np.random.default_rng(2), SHAPE, day=False)[0][name].any()


@both
def test_a_strip_outside_the_swath_is_zero_everywhere(day: bool) -> None:
    benchmark, _ = synthesize(np.random.default_rng(4), SHAPE, day)
    outside = benchmark["bts"][..., 0] == 0
    assert 0 < outside.mean() < 0.1
    assert not any(array[outside].any() for array in benchmark.values())


def test_the_label_is_close_to_the_truth_but_not_the_truth() -> None:
    agreement = []
    for seed in range(6):
        benchmark, hidden = synthesize(np.random.default_rng(seed), SHAPE, day=True)
        agreement.append(((benchmark["bayes"][..., 0] > 0) == (hidden["truth"] > 0)).mean())
    assert 0.9 < np.mean(agreement) < 0.99


def test_thicker_cloud_is_colder_and_brighter_over_a_warm_sea() -> None:
    for seed in range(20):
        benchmark, hidden = synthesize(np.random.default_rng(seed), SHAPE, day=True)
        inside = (benchmark["bts"][..., 1] > 0) & (hidden["land"] == 0) & (hidden["snow"] == 0)
        thin, thick = inside & (hidden["tau"] < 0.1), inside & (hidden["tau"] > 5)
        if min(thin.sum(), thick.sum()) > 500:
            assert benchmark["bts"][thick, 1].mean() < benchmark["bts"][thin, 1].mean()
            assert benchmark["refs"][thick, 1].mean() > benchmark["refs"][thin, 1].mean()


ORDER = Order("training", 3, SHAPE, seed=5)


def made(order: Order, folder: Path) -> Scene:
    make_scene(order, folder)
    return read_scene(next((folder / order.part).rglob("*.hdf")))


def test_the_same_order_gives_the_same_scene(tmp_path: Path) -> None:
    once, again = (made(ORDER, tmp_path / name) for name in "ab")
    assert np.array_equal(once.channels, again.channels)
    assert np.array_equal(once.cloud, again.cloud)


@pytest.mark.parametrize("other", [{"part": "inference"}, {"index": 8}, {"seed": 6}], ids=str)
def test_part_number_and_seed_each_make_another_scene(other: dict[str, Any], tmp_path: Path) -> None:
    changed = made(replace(ORDER, **other), tmp_path / "b")
    assert not np.array_equal(made(ORDER, tmp_path / "a").channels, changed.channels)
