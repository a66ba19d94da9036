"""Patches cover their scenes, keep their values, and never share a scene between training and validation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmask.data.hdf5 import read_scene
from cloudmask.data.patches import CLOUD, SCALE, VALID, corners, cut, normalize
from cloudmask.data.store import split

names = st.lists(st.integers(0, 999), min_size=2, max_size=30, unique=True)


@given(names, st.floats(0.01, 0.99), st.integers(0, 99), st.randoms(use_true_random=False))
def test_a_scene_is_for_training_or_validation_whatever_the_order(numbers, share, seed, random) -> None:  # type: ignore[no-untyped-def]
    scenes = [Path(f"{number:03}.hdf") for number in numbers]
    parts = split(scenes, share, seed)
    assert sorted(parts["training"] + parts["validation"]) == sorted(scenes)
    assert parts["training"]
    assert parts["validation"]
    random.shuffle(scenes)
    assert split(scenes, share, seed) == parts


def test_another_seed_splits_otherwise() -> None:
    scenes = [Path(f"{number}.hdf") for number in range(20)]
    assert split(scenes, 0.5, 1) != split(scenes, 0.5, 2)


@given(st.integers(8, 300), st.integers(8, 300))
def test_patches_cover_an_axis_without_reaching_beyond_it(size: int, patch: int) -> None:
    patch = min(size, patch)
    starts = corners(size, patch)
    covered = {pixel for start in starts for pixel in range(start, start + patch)}
    assert covered == set(range(size))
    assert len(starts) == -(-size // patch)


def test_values_survive_the_store_to_half_a_step(scene_file: Path) -> None:
    scene = read_scene(scene_file)
    patches = cut(scene, 48)
    left = patches.images[0] / SCALE
    assert np.abs(left - normalize(scene)[:, :48]).max() <= 0.5 / SCALE + 1e-6
    assert np.array_equal(patches.labels[0] & CLOUD > 0, scene.cloud[:, :48])
    assert np.array_equal(patches.labels[0] & VALID > 0, scene.valid[:, :48])


def test_the_normalisation_is_the_benchmarks(scene_file: Path) -> None:
    scene = read_scene(scene_file)
    row, column = np.argwhere(scene.valid)[0]
    normalised, channels = normalize(scene)[row, column], scene.channels[row, column]
    assert normalised[:3] == pytest.approx((channels[:3] - 270) / 22)
    assert normalised[3:] == pytest.approx(channels[3:] - 0.5)


def test_pixels_that_are_not_valid_are_zero(scene_file: Path) -> None:
    scene = read_scene(scene_file)
    assert not normalize(scene)[~scene.valid].any()
