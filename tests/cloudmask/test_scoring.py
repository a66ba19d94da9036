"""Scores of several scenes, their intervals, and scenes that have no score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cloudmask.data.hdf5 import Mask, Scene
from cloudmask.scoring.baselines import threshold_mask
from cloudmask.scoring.histograms import Ground, Hidden, Histograms, edges, strata
from cloudmask.scoring.metrics import SIGNED, Table
from cloudmask.scoring.scores import accuracies, gain, interval, lacking, mean_without, summarize

SHAPE = (6, 7)
masks = arrays(np.bool_, SHAPE)
bins = arrays(np.uint8, SHAPE)


def scene(cloud: Mask, valid: Mask) -> Scene:
    return Scene(np.zeros((*cloud.shape, 9), dtype=np.float32), valid, cloud)


def counted(*tables: Sequence[int], known: bool = False) -> Histograms:
    """Return scenes by hits, misses, false alarms, clear, and, outside the swath, pixels called cloud in clear sky."""
    grounds, counts = [], []
    for hits, misses, false_alarms, clear, *fill in tables:
        numbers = (hits, misses, false_alarms, clear, sum(fill))
        cloud = np.repeat([[True, True, False, False, False]], numbers, axis=1)
        called = np.repeat(np.array([[255, 0, 255, 0, 255]], dtype=np.uint8), numbers, axis=1)
        valid = np.repeat([[True, True, True, True, False]], numbers, axis=1)
        hidden = Hidden(cloud, np.zeros_like(cloud), np.zeros_like(cloud)) if known else None
        ground = Ground.of(f"scene {len(grounds)}", scene(cloud, valid), hidden)
        grounds.append(ground)
        counts.append(ground.count(called))
    return Histograms.of(grounds, counts)


@given(masks, masks, masks, masks, bins, masks)
def test_each_pixel_counts_once_and_where_it_belongs(
    cloud: Mask, land: Mask, snow: Mask, truth: Mask, called: npt.NDArray[np.uint8], valid: Mask
) -> None:
    ground = Ground.of("scene", scene(cloud, valid), Hidden(truth, land, snow))
    found = Histograms.of([ground], [ground.count(called)])
    assert found.counts.sum() == cloud.size
    edge = edges(scene(cloud, valid))
    for pairs, where in (
        (found.by_label(), valid),
        (found.with_fill(), np.ones_like(valid)),
        (found.by_label(surface="snow"), valid & snow),
        (found.by_label(surface="land"), valid & land & ~snow),
        (found.by_label(surface="ocean"), valid & ~land & ~snow),
        (found.by_label(zone="edge"), valid & edge),
        (found.by_label(zone="interior"), valid & ~edge),
    ):
        for label in (False, True):
            chosen = called[where & (cloud == label)]
            assert np.array_equal(pairs[0, int(label)], np.bincount(chosen, minlength=256))
    for true in (False, True):
        chosen = called[valid & (truth == true)]
        assert np.array_equal(found.by_truth()[0, int(true)], np.bincount(chosen, minlength=256))


@given(masks, masks, st.integers(1, 4))
def test_an_edge_is_near_a_valid_pixel_of_the_other_class(cloud: Mask, valid: Mask, distance: int) -> None:
    found = edges(scene(cloud, valid), distance)
    for row, column in np.argwhere(valid):
        around = np.s_[max(row - distance, 0) : row + distance + 1, max(column - distance, 0) : column + distance + 1]
        other = valid[around] & (cloud[around] != cloud[row, column])
        assert found[row, column] == other.any()


def test_every_scene_weighs_the_same_in_accuracy_but_not_in_the_other_metrics() -> None:
    found = summarize(counted((10, 0, 0, 0), (0, 100, 0, 0)))
    assert found["accuracy"]["value"] == 0.5
    assert found["pod"]["value"] == pytest.approx(10 / 110)


def test_the_benchmarks_accuracy_counts_fill() -> None:
    found = summarize(counted((6, 0, 0, 4, 10)))
    assert found["accuracy"]["value"] == 1
    assert found["benchmark_accuracy"]["value"] == 0.5


@pytest.mark.parametrize("known", [True, False])
def test_accuracy_against_the_truth_is_there_where_the_truth_is(known: bool) -> None:
    found = summarize(counted((6, 1, 1, 2), known=known))
    assert ("truth_accuracy" in found) == known
    assert ("hidden truth" in strata(counted((6, 1, 1, 2), known=known))) == known


def test_a_metric_that_is_not_defined_is_left_out() -> None:
    found = summarize(counted((0, 0, 0, 9), (0, 0, 1, 8)))
    assert {"accuracy", "pofd", "brier"} <= set(found)
    assert not {"pod", "auc", "hk", "mcc"} & set(found)
    assert all(np.isfinite(number) for score in found.values() for number in score.values())


def test_a_scene_of_fill_counts_in_no_mean() -> None:
    scenes = counted((6, 0, 0, 4), (0, 0, 0, 0, 10))
    assert np.isnan(accuracies(scenes.by_label())[1])
    assert summarize(scenes)["accuracy"] == {"value": 1.0}


@pytest.mark.parametrize(
    ("table", "said"), [((0, 0, 2, 3), "no cloud"), ((2, 3, 0, 0), "no clear sky"), ((1, 0, 0, 1), "")]
)
def test_a_scene_of_one_class_is_told(table: tuple[int, ...], said: str) -> None:
    assert lacking(counted(table).by_label()[0]).startswith(said)
    assert bool(lacking(counted(table).by_label()[0])) == bool(said)


def test_a_single_scene_has_no_interval() -> None:
    assert all(set(score) == {"value"} for score in summarize(counted((6, 1, 1, 2))).values())


tables = st.lists(st.tuples(*[st.integers(1, 50)] * 4), min_size=2, max_size=8)


@settings(max_examples=20, deadline=None)
@given(tables)
def test_an_interval_holds_the_score_and_stays_within_its_bounds(several: list[tuple[int, ...]]) -> None:
    for name, score in summarize(counted(*several)).items():
        least = -1 if name in SIGNED else 0
        assert least <= score["low"] <= score["value"] <= score["high"] <= 1, name
        assert score["samples"] == len(several)


def test_the_interval_is_that_of_the_central_limit_for_many_scenes() -> None:
    rng = np.random.default_rng(1)
    hits = rng.integers(40, 61, size=400)
    found = summarize(counted(*[(hit, 100 - hit, 0, 0) for hit in hits]))["accuracy"]
    half = 1.96 * (hits / 100).std() / 20
    assert found["low"] == pytest.approx(found["value"] - half, abs=0.1 * half)
    assert found["high"] == pytest.approx(found["value"] + half, abs=0.1 * half)


def test_a_pools_interval_rests_on_the_score_without_each_scene() -> None:
    scenes = counted((5, 1, 2, 9), (20, 4, 0, 1), (3, 3, 3, 3))
    without = [float(Table.of(np.delete(scenes.by_label(), index, axis=0).sum(axis=0)).f1) for index in range(3)]
    low, high = interval(56 / 69, np.array(without), 3) or (0, 0)
    found = summarize(scenes)["f1"]
    assert found == {
        "value": pytest.approx(56 / 69),
        "low": pytest.approx(low),
        "high": pytest.approx(high),
        "samples": 3,
    }


def test_a_mean_of_scenes_has_the_t_interval_on_the_scale_of_log_odds() -> None:
    by_scene = np.array([0.7, 0.8, 0.95])
    mean = by_scene.mean()
    half = 4.3027 * by_scene.std(ddof=1) / np.sqrt(3) / (mean * (1 - mean))
    odds = mean / (1 - mean) * np.exp([-half, half])
    assert interval(mean, mean_without(by_scene), 3) == pytest.approx(tuple(odds / (1 + odds)), rel=1e-4)


def test_a_scene_without_a_share_in_a_score_is_not_counted() -> None:
    """Three scenes have cloud, and only they say how well it is detected."""
    found = summarize(counted((5, 1, 0, 9), (8, 2, 0, 1), (3, 4, 0, 3), (0, 0, 1, 9), (0, 0, 3, 9)))
    assert (found["pod"]["samples"], found["accuracy"]["samples"]) == (3, 5)


def test_a_score_that_hangs_on_one_scene_has_no_interval() -> None:
    found = summarize(counted((5, 1, 0, 9), (0, 0, 1, 9), (0, 0, 3, 9)))
    assert set(found["pod"]) == {"value"}
    assert set(found["pofd"]) == {"value", "low", "high", "samples"}


# Of accuracies of scenes, most of which are easy, as in real sets of them.
@pytest.mark.parametrize("scenes", [2, 4, 6, 8, 15, 30])
def test_an_interval_covers_the_mean_of_all_scenes_as_often_as_it_says(scenes: int) -> None:
    samples = np.random.default_rng(scenes).beta(9, 1.2, size=(2000, scenes))
    found = [interval(float(sample.mean()), mean_without(sample), scenes) or (1, 0) for sample in samples]
    low, high = np.transpose(found)
    covered = np.mean((low <= 9 / 10.2) & (high >= 9 / 10.2))
    assert 0.93 <= covered <= 0.965


@pytest.mark.parametrize("scenes", [4, 8, 30])
def test_so_does_that_of_pixels_of_all_scenes_together(scenes: int) -> None:
    rng = np.random.default_rng(scenes)
    clouds = rng.beta(0.9, 0.9, size=(2000, scenes))
    sums = np.stack([clouds * rng.beta(9, 1.2, size=clouds.shape), clouds], axis=-1)
    without = sums.sum(axis=1, keepdims=True) - sums
    values, leaves = (pair[..., 0] / pair[..., 1] for pair in (sums.sum(axis=1), without))
    found = [interval(float(value), leave, scenes) or (1, 0) for value, leave in zip(values, leaves, strict=True)]
    low, high = np.transpose(found)
    covered = np.mean((low <= 9 / 10.2) & (high >= 9 / 10.2))
    assert 0.9 <= covered <= 0.965


def test_the_gain_is_paired_by_scene() -> None:
    """Scenes differ much, the methods by always the same: the paired interval is narrow, those of means wide."""
    better = [(hits, 100 - hits, 0, 0) for hits in (90, 70, 50, 30, 10)]
    worse = [(hits - 5, 105 - hits, 0, 0) for hits, *_ in better]
    found = gain(counted(*better), counted(*worse))
    assert [found[name] for name in ("value", "low", "high")] == pytest.approx([0.05] * 3)
    assert np.ptp([summarize(counted(*better))["accuracy"][name] for name in ("low", "high")]) > 0.3
    assert gain(counted(*worse), counted(*better))["value"] == pytest.approx(-0.05)


def test_strata_are_named_and_those_of_no_pixel_are_left_out() -> None:
    day = counted((2, 1, 1, 2), (1, 1, 1, 2), known=True)
    found = strata(replace(day, day=np.array([True, False])))
    assert list(found) == ["all", "day", "night", "ocean", "edge", "hidden truth"]
    assert np.array_equal(found["all"].sum(axis=0), found["day"].sum(axis=0) + found["night"].sum(axis=0))


@pytest.mark.parametrize(
    ("temperature", "bright", "cloud"),
    [(250, 0.0, True), (290, 0.2, True), (290, 0.01, False), (270, 0.15, False), (269.9, 0.0, True)],
)
def test_the_thresholds_call_cold_or_bright_pixels_cloud(temperature: float, bright: float, cloud: bool) -> None:
    pixel = scene(np.ones((1, 1), dtype=bool), np.ones((1, 1), dtype=bool))
    pixel.channels[..., 1], pixel.channels[..., 6] = temperature, bright
    assert threshold_mask(pixel).item() is cloud
