"""Whole scenes through the network: tiles, margins and shapes make no difference; predictions come back from disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from cloudmask.data.hdf5 import Scene
from cloudmask.data.patches import normalize
from cloudmask.errors import CloudmaskError
from cloudmask.model import inference
from cloudmask.model.inference import BYTES, Predictor, benchmark_margin, halo, margin
from cloudmask.model.unet import unet
from cloudmask.scoring.evaluation import write_mask
from cloudmask.scoring.histograms import quantize

pytestmark = pytest.mark.usefixtures("tensorflow")


def random_scene(rows: int, columns: int) -> Scene:
    rng = np.random.default_rng(rows * columns)
    channels = rng.normal(270, 22, (rows, columns, 9)).astype(np.float32)
    channels[..., 3:] = rng.random((rows, columns, 6))
    return Scene(channels, rng.random((rows, columns)) > 0.02, rng.random((rows, columns)) > 0.5)


def lively(width: int, depth: int) -> keras.Model:
    """Make a network whose random weights, biases too, make probabilities of all sizes."""
    keras.utils.set_random_seed(depth)
    model = unet(width, depth, joining=True)
    rng = np.random.default_rng(depth)
    weights = [
        array if array.ndim > 1 else rng.normal(0, 0.5, array.shape).astype(np.float32) for array in model.get_weights()
    ]
    weights[-1][:] = 0
    model.set_weights(weights)
    logits = model(random_scene(32, 32).channels[None, ..., :] / 300).numpy()
    weights[-2] /= logits.std()
    weights[-1][:] = -logits.mean() / logits.std()
    model.set_weights(weights)
    return model


@pytest.fixture(scope="module", params=[1, 2, 3, 4])
def model(request: pytest.FixtureRequest) -> keras.Model:
    return lively(3, request.param)


@pytest.mark.parametrize("side", [24, 64])
def test_tiles_give_what_the_whole_scene_gives(model: keras.Model, side: int) -> None:
    scene = random_scene(150, 203)
    whole, tiled = Predictor(model, tile=10**6)(scene), Predictor(model, tile=side)(scene)
    assert whole.std() > 0.03
    assert np.abs(whole - tiled).max() < 1e-5  # float32 in another order


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_smaller_halo_would_not_do(depth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, model = random_scene(96, 160), lively(3, depth)
    whole = Predictor(model, tile=10**6)(scene)
    monkeypatch.setattr("cloudmask.model.inference.halo", lambda depth: halo(depth) - 2**depth)
    assert np.abs(whole - Predictor(model, tile=16)(scene)).max() > 1e-4


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (48, 64), (45, 59), (8, 300)])
def test_a_scene_of_any_size_is_predicted(model: keras.Model, rows: int, columns: int) -> None:
    found = Predictor(model)(random_scene(rows, columns))
    assert found.shape == (rows, columns)
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()


def test_the_margin_is_that_of_the_benchmarks_patches_but_for_what_lies_outside(model: keras.Model) -> None:
    """With all the benchmark's zeros around the scene nothing changes farther from the edge than the network looks."""
    scene, predictor = random_scene(150, 203), Predictor(model)
    wide = [benchmark_margin(size) for size in scene.cloud.shape]
    wide = [
        (before, after + (-(before + size + after)) % 16)
        for (before, after), size in zip(wide, (150, 203), strict=True)
    ]
    around = halo(predictor.depth)
    inside = np.s_[around : 150 - around, around : 203 - around]
    (top, _), (left, _) = wide
    padded = predictor.padded(scene, tuple(wide))[top : top + 150, left : left + 203]  # type: ignore[arg-type]
    assert np.abs(padded - predictor(scene))[inside].max(initial=0) < 1e-6


def test_another_pooling_phase_gives_another_result() -> None:
    scene, predictor = random_scene(64, 203), Predictor(lively(3, 3))
    (top, bottom), (left, right) = margin(64, 3), margin(203, 3)
    shifted = predictor.padded(scene, ((top, bottom), ((left + 4) % 8, (right - 4) % 8)))
    moved = shifted[top : top + 64, (left + 4) % 8 :][:, :203]
    assert np.abs(moved - predictor(scene)).max() > 1e-3


def test_a_full_memory_makes_the_tiles_smaller_until_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, predictor = random_scene(150, 203), Predictor(lively(3, 1))
    expected = predictor(scene)
    forward, seen = predictor._forward, []

    def full(channels: Any) -> Any:
        seen.append(channels.shape[1:3])
        if channels.shape[1] * channels.shape[2] > 5000:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM")
        return forward(channels)

    monkeypatch.setattr(predictor, "_forward", full)
    assert np.abs(predictor(scene) - expected).max() < 1e-5  # float32 in another order
    assert seen[0] == (152, 204)
    tries = len(seen)
    predictor(scene)
    assert len(seen) - tries < tries, "what did not fit once is tried again"


def test_tiles_that_never_fit_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    predictor = Predictor(lively(3, 1))

    def full(_channels: Any) -> Any:
        raise tf.errors.ResourceExhaustedError(None, None, "OOM")

    monkeypatch.setattr(predictor, "_forward", full)
    with pytest.raises(CloudmaskError, match="too little memory for inference"):
        predictor(random_scene(20, 20))


def test_little_free_memory_makes_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, predictor = random_scene(150, 203), Predictor(lively(3, 1))
    expected, shapes = predictor(scene), []
    monkeypatch.setattr(inference, "free_memory", lambda: 2 * BYTES * 3 * 4000)
    forward = predictor._forward
    monkeypatch.setattr(predictor, "_forward", lambda batch: shapes.append(batch.shape) or forward(batch))
    assert np.abs(predictor(scene) - expected).max() < 1e-5  # float32 in another order
    assert len(shapes) > 4
    assert all(rows * columns <= 4000 for _, rows, columns, _ in shapes)


def test_a_network_that_gives_no_number_is_told() -> None:
    model = unet(2, 1)
    model.set_weights([np.full_like(array, np.nan) for array in model.get_weights()])
    with pytest.raises(CloudmaskError, match="gives no number"):
        Predictor(model)(random_scene(8, 8))


def test_bfloat16_is_close_to_float32() -> None:
    exact, fast = lively(4, 3), unet(4, 3, precision="mixed_bfloat16")
    fast.set_weights(exact.get_weights())
    scene = random_scene(64, 64)
    found = Predictor(fast)(scene)
    assert found.dtype == np.float32
    expected = Predictor(exact)(scene)
    assert expected.std() > 0.2, "probabilities of all sizes"
    difference = np.abs(found - expected)
    assert 0 < difference.mean() < 0.006  # bfloat16 has 8 bits: 0.004 of each value
    assert np.quantile(difference, 0.99) < 0.03
    assert ((found > 0.5) == (expected > 0.5)).mean() > 0.995


def test_values_that_are_not_valid_are_not_seen(model: keras.Model) -> None:
    scene = random_scene(40, 40)
    changed = Scene(np.where(scene.valid[..., None], scene.channels, 999), scene.valid, scene.cloud)
    assert np.array_equal(normalize(changed), normalize(scene))
    assert np.array_equal(Predictor(model)(changed), Predictor(model)(scene))


@pytest.mark.parametrize("probability", [True, False])
def test_predictions_come_back_from_disk(tmp_path: Path, probability: bool) -> None:
    scene = random_scene(30, 40)
    found = np.random.default_rng(1).random((30, 40), dtype=np.float32)
    write_mask(tmp_path / "masks/scene.h5", quantize(found), scene, probability)
    with h5py.File(tmp_path / "masks/scene.h5") as file:
        assert set(file) == ({"mask", "probability"} if probability else {"mask"})
        mask = file["mask"][...]
        assert np.array_equal(mask & 2 > 0, scene.valid)
        assert np.array_equal(mask & 1 > 0, scene.valid & (found > 0.5))
        if probability:
            kept = (file["probability"][...] + 0.5) / 256
            assert np.abs(kept - found)[scene.valid].max() <= 1 / 512 + 1e-6


def test_a_mask_is_small(tmp_path: Path) -> None:
    blob = np.hypot(*np.mgrid[-300:300, -375:375]) < 250
    scene = Scene(np.zeros((600, 750, 9), dtype=np.float32), np.ones_like(blob), blob)
    write_mask(tmp_path / "scene.h5", quantize(blob.astype(np.float32)), scene, probability=True)
    assert (tmp_path / "scene.h5").stat().st_size < 20_000
