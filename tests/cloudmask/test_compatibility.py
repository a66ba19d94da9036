"""With ``compatibility: upstream`` patches, outputs and accuracy are the benchmark's, computed independently."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cloudmask.model.trainer
from benchmarks import reference
from cloudmask.data import compatibility, store
from cloudmask.data.hdf5 import Scene, read_scene, write_arrays
from cloudmask.data.patches import VALID
from cloudmask.data.scenes import FILE, scan
from cloudmask.data.synthesis import synthesize
from cloudmask.errors import InputError
from cloudmask.model.batches import BatchLoader
from cloudmask.model.distribution import single_device
from cloudmask.model.inference import PatchPredictor, Predictor
from cloudmask.model.unet import unet
from cloudmask.scoring.histograms import Ground, Histograms, quantize
from cloudmask.scoring.metrics import Table
from cloudmask.settings import Settings, read_settings

pytestmark = pytest.mark.usefixtures("tensorflow")
# Not multiples of anything: 3 x 2 patches for training, 4 x 4 overlapping ones for inference.
SHAPE = (821, 630)
WIDTH = 4


@pytest.fixture(scope="module", params=["day", "night"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a scene with fill at its edge, no reflectances at night, and a pixel of which one channel is missing."""
    arrays = dict(synthesize(np.random.default_rng(5), SHAPE, request.param == "day")[0])
    for name in ("bts", "refs", "rads"):
        arrays[name] = arrays[name].copy()
        arrays[name][:, :20] = 0
    arrays["bts"][400, 300, 0] = 0
    path = tmp_path_factory.mktemp(request.param) / "S3A_scene.hdf"
    write_arrays(path, arrays)
    return path


@pytest.fixture(scope="module")
def models() -> tuple[keras.Model, keras.Model]:
    """Return the reference's network and ours with the same weights, whose outputs are not all near a half."""
    keras.utils.set_random_seed(11)
    theirs, ours = reference.network(WIDTH), unet(WIDTH)
    *most, last, bias = theirs.get_weights()
    theirs.set_weights([*most, 20 * last, bias])
    ours.set_weights(theirs.get_weights())
    return theirs, ours


@pytest.fixture(scope="module")
def probabilities(path: Path, models: tuple[keras.Model, keras.Model]) -> tuple[np.ndarray, np.ndarray]:
    """Return what the reference and we make of a scene."""
    theirs, ours = models
    image, _ = reference.load(path)
    return reference.predict(theirs, image.astype(np.float32)), PatchPredictor(ours)(read_scene(path))


def test_the_patches_are_the_references(path: Path) -> None:
    image, mask = reference.load(path)
    images, cloud = compatibility.cut(read_scene(path), reference.PATCH)
    assert images.shape == (6, 256, 256, 9)
    assert np.abs(images - reference.training_patches(image.astype(np.float32)).numpy()).max() < 2e-6
    assert np.array_equal(cloud[..., None], reference.training_patches(mask).numpy() > 0)


def test_fill_is_seen_as_it_is(path: Path) -> None:
    images = compatibility.normalize(read_scene(path))
    assert images[:, :20, 6:] == pytest.approx(-270 / 22)
    assert (images[:, :20, :6] == -0.5).all()
    assert images[400, 300, 6] == pytest.approx(-270 / 22)


def test_the_outputs_for_given_weights_are_the_references(probabilities: tuple[np.ndarray, np.ndarray]) -> None:
    theirs, ours = probabilities
    assert theirs.shape == ours.shape == SHAPE
    assert theirs.std() > 0.1
    assert np.abs(theirs - ours).max() < 1e-5


def test_the_accuracy_is_the_references(path: Path, probabilities: tuple[np.ndarray, np.ndarray]) -> None:
    theirs, ours = probabilities
    scene = compatibility.whole(read_scene(path))
    ground = Ground.of("scene", scene, None)
    counted = Histograms.of([ground], [ground.count(quantize(ours))])
    _, mask = reference.load(path)
    # A pixel that lies within 1e-5 of a half may fall on either side.
    assert Table.of(counted.by_label()).accuracy[0] == pytest.approx(reference.accuracy([theirs], [mask]), abs=1e-5)
    assert Table.of(counted.by_label()).pixels[0] == mask.size


def test_a_whole_pass_gives_the_same_inside(path: Path, models: tuple[keras.Model, keras.Model]) -> None:
    """Our own way differs by a patch's crop of 40 pixels, less than the network's reach, and near edges and fill."""
    scene = read_scene(path)
    swapped = unet(WIDTH)
    weights = models[1].get_weights()
    weights[0] = np.concatenate([weights[0][:, :, 6:], weights[0][:, :, :6]], axis=2)  # temperatures first
    swapped.set_weights(weights)
    patches, one_pass = PatchPredictor(models[1])(scene), Predictor(swapped)(scene)
    inside = np.s_[464:-64, 128:-64]
    # The network looks 46 pixels far, so that 6 on each side of a seam may differ: 13 % of 176 x 176.
    assert np.quantile(np.abs(patches - one_pass)[inside], 0.85) < 1e-5
    assert np.abs(patches - one_pass)[:, :20].max() > 5e-3


def test_missing_values_are_zero_as_the_converter_has_them(path: Path) -> None:
    scene = read_scene(path)
    broken = Scene(np.where(scene.channels == scene.channels.max(), np.nan, scene.channels), scene.valid, scene.cloud)
    assert np.isnan(broken.channels).any()
    assert np.isfinite(compatibility.normalize(broken)).all()
    assert compatibility.whole(broken).valid.all()


@given(st.integers(1, 200), st.integers(1, 200), st.integers(8, 100))
def test_patches_lie_side_by_side_in_the_middle(rows: int, columns: int, patch: int) -> None:
    covered = np.zeros((rows, columns), dtype=int)
    for window in compatibility.windows((rows, columns), patch):
        assert covered[window].shape == (patch, patch)
        covered[window] += 1
    assert covered.max(initial=0) <= 1
    assert covered.sum() == rows // patch * (columns // patch) * patch**2
    used = np.flatnonzero(covered.any(axis=1))
    if used.size:
        assert 0 <= (rows - 1 - used[-1]) - used[0] <= 1


@given(st.integers(1, 200), st.integers(1, 50))
def test_only_whole_batches_are_left(patches: int, batch: int) -> None:
    if patches < batch:
        with pytest.raises(InputError, match=rf"batch: {batch} is more than the {patches} patches"):
            compatibility.whole_batches(np.arange(patches), batch)
        return
    left = compatibility.whole_batches(np.arange(patches), batch)
    assert len(left) % batch == 0
    assert patches - len(left) < batch


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings that ask for the benchmark's ways with small patches."""
    config = tmp_path / "config.yaml"
    config.write_text("compatibility: upstream\npatch: 32\nbatch: 4\nwidth: 2\nepochs: 1\n")
    return read_settings(config)


@pytest.fixture
def scenes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of three scenes of 5 x 2 patches with fill, and make another one the current folder."""
    folder = tmp_path / "scenes"
    for number in range(4):
        arrays = dict(synthesize(np.random.default_rng(number), (170, 75), day=True)[0])
        arrays["bts"] = np.where(np.arange(75)[None, :, None] < 30, 0, arrays["bts"])
        write_arrays(folder / ("inference" if number == 3 else "training") / f"S3A_{number}.hdf", arrays)
    scan(folder).write(folder / FILE)
    (tmp_path / "store").mkdir()
    monkeypatch.chdir(tmp_path / "store")
    return folder


def test_the_store_holds_the_benchmarks_patches(settings: Settings, scenes: Path) -> None:
    store.run(settings, scenes)
    validation = store.open_patches(Path.cwd(), "validation")
    training = store.open_patches(Path.cwd(), "training")
    assert (len(training.labels), len(validation.labels)) == (20, 10)
    expected = [compatibility.cut(read_scene(scenes / f"training/S3A_{number}.hdf"), 32)[0] for number in range(3)]
    held = next(number for number, images in enumerate(expected) if np.array_equal(images, validation.images))
    kept = [images for number, images in enumerate(expected) if number != held]
    assert np.array_equal(training.channels(np.arange(20)), np.concatenate(kept))
    assert (training.labels & VALID > 0).all()


def test_a_training_leaves_off_what_does_not_fill_a_batch(settings: Settings, scenes: Path) -> None:
    store.run(settings, scenes)
    training, validation = (store.open_patches(Path.cwd(), part) for part in ("training", "validation"))
    loaders = [BatchLoader(part, 8, single_device(), only_whole=True) for part in (training, validation)]
    assert [(loader.patches, loader.steps) for loader in loaders] == [(16, 2), (8, 1)]
    assert [len(labels) for _, labels in loaders[1].in_order().take(3)] == [8, 8, 8]
    found = cloudmask.model.trainer.train(replace(settings, batch=8), training, validation, lambda _: None)
    assert len(found.epochs) == settings.epochs
    with pytest.raises(InputError, match="batch: 16 is more than the 10 patches"):
        cloudmask.model.trainer.train(replace(settings, batch=16), training, validation, lambda _: None)


def test_fill_counts_in_the_loss(settings: Settings, scenes: Path) -> None:
    store.run(settings, scenes)
    loader = BatchLoader(store.open_patches(Path.cwd(), "training"), 4, single_device())
    _, labels = next(iter(loader.shuffled(1)))
    assert labels.shape == (4, 32, 32)
    assert (labels.numpy() & VALID > 0).all()
