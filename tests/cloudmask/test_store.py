"""Patches cover their scenes, keep their values, and never share a scene between training and validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmask import store
from cloudmask.catalogue import FILE, scan
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.hdf5 import read_scene
from cloudmask.settings import Settings, read_settings
from cloudmask.store import CLOUD, SCALE, VALID, corners, cut, normalise, open_patches, split

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
    assert np.abs(left - normalise(scene)[:, :48]).max() <= 0.5 / SCALE + 1e-6
    assert np.array_equal(patches.labels[0] & CLOUD > 0, scene.cloud[:, :48])
    assert np.array_equal(patches.labels[0] & VALID > 0, scene.valid[:, :48])


def test_the_normalisation_is_the_benchmarks(scene_file: Path) -> None:
    scene = read_scene(scene_file)
    row, column = np.argwhere(scene.valid)[0]
    normalised, channels = normalise(scene)[row, column], scene.channels[row, column]
    assert normalised[:3] == pytest.approx((channels[:3] - 270) / 22)
    assert normalised[3:] == pytest.approx(channels[3:] - 0.5)


def test_pixels_that_are_not_valid_are_zero(scene_file: Path) -> None:
    scene = read_scene(scene_file)
    assert not normalise(scene)[~scene.valid].any()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "config.yaml").write_text("patch: 32\n")
    return read_settings(tmp_path / "config.yaml")


@pytest.fixture
def scenes(scene_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder of three training scenes with its catalogue, and make another one the current folder."""
    folder = scene_folder("training/S3A_1.hdf", "training/S3A_2.hdf", "training/S3A_3.hdf", "inference/S3A_4.hdf")
    scan(folder).write(folder / FILE)
    (tmp_path / "store").mkdir()
    monkeypatch.chdir(tmp_path / "store")
    return folder


def test_a_store_is_opened_as_it_was_written(settings: Settings, scenes: Path) -> None:
    store.run(settings, scenes)
    expected = cut(read_scene(scenes / "training/S3A_1.hdf"), 32)
    training, validation = open_patches(Path.cwd(), "training"), open_patches(Path.cwd(), "validation")
    assert len(training.labels) == 2 * len(expected.labels)
    assert np.array_equal(validation.images, expected.images)
    assert np.array_equal(validation.labels, expected.labels)
    assert sorted(path.name for path in Path.cwd().iterdir()) == [
        "store.json",
        "training_images.npy",
        "training_labels.npy",
        "validation_images.npy",
        "validation_labels.npy",
    ]


@pytest.mark.parametrize(
    ("patch", "said"), [(20, "20 is not a multiple of 8"), (56, "56 is larger than the scene .* of 48 x 64 pixels")]
)
def test_a_patch_that_does_not_fit_is_wrong_input(settings: Settings, scenes: Path, patch: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        store.run(replace(settings, patch=patch), scenes)
    assert not list(Path.cwd().iterdir())


def test_a_damaged_scene_leaves_no_store(settings: Settings, scenes: Path) -> None:
    (scenes / "training/S3A_2.hdf").write_bytes(b"nothing")
    with pytest.raises(CloudmaskError, match=r"S3A_2\.hdf: not a whole HDF5 file"):
        store.run(settings, scenes)
    with pytest.raises(InputError, match=r"store\.json: no such file"):
        open_patches(Path.cwd(), "training")


def test_one_scene_cannot_be_split(settings: Settings, scenes: Path) -> None:
    for number in (1, 2):
        (scenes / f"training/S3A_{number}.hdf").unlink()
    scan(scenes).write(scenes / FILE)
    with pytest.raises(InputError, match="at least 2 training scenes"):
        store.run(settings, scenes)


def test_a_truncated_array_is_told(settings: Settings, scenes: Path) -> None:
    store.run(settings, scenes)
    path = Path("training_images.npy")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(CloudmaskError, match=r"training_images\.npy: not a whole array"):
        open_patches(Path.cwd(), "training")
