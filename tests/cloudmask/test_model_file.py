"""A saved network is Keras's own: it is loaded and predicts without this project."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest

from cloudmask.__main__ import main
from cloudmask.data.hdf5 import read_scene
from cloudmask.experiment import infer
from cloudmask.model import unet
from cloudmask.model.inference import Predictor

pytestmark = pytest.mark.usefixtures("tensorflow")

# What a stranger writes who knows the benchmark's channels and Keras.
STRANGER = """
import sys
import h5py, keras, numpy as np
try:
    import cloudmask
    sys.exit("cloudmask can be imported")
except ImportError:
    pass
model = keras.models.load_model("model.keras")
with h5py.File("scene.hdf") as file:
    temperature, reflectance = file["bts"][...], file["refs"][...]
valid = (temperature > 0).all(axis=-1) & np.isfinite(reflectance).all(axis=-1)
channels = np.concatenate([(temperature - 270) / 22, reflectance - 0.5], axis=-1, dtype="float32", casting="unsafe")
np.save("probability.npy", model.predict(np.where(valid[..., None], channels, 0)[None], verbose=0)[0, ..., 0])
"""


@pytest.fixture
def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    network = unet.unet(3, 3, joining=True)
    rng = np.random.default_rng(1)
    network.set_weights(
        [array if array.ndim > 1 else rng.normal(0, 0.5, array.shape) for array in network.get_weights()]
    )
    return network


@pytest.fixture
def predicted(network: keras.Model, scene_file: Path, tmp_path: Path) -> Path:
    """Return a folder with a saved network and the mask that it gives for a scene."""
    unet.save(network, tmp_path / "model.keras", "cloudmask")
    infer(tmp_path / "model.keras", [scene_file], tmp_path / "masks", probability=True)
    return tmp_path


def stored(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    with h5py.File(folder / "masks/S3A_day.h5") as file:
        return file["mask"][...], file["probability"][...]


def test_a_stranger_predicts_the_stored_mask(predicted: Path, scene_file: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(predicted / "model.keras", elsewhere)
    shutil.copy(scene_file, elsewhere / "scene.hdf")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    # -I and an empty folder, and a path hook that is switched off: the editable installation of this project.
    script = "import sys; sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in str(f).lower()]\n"
    script += f"sys.path[:] = [entry for entry in sys.path if entry != {str(Path(__file__).parents[2])!r}]\n" + STRANGER
    subprocess.run([sys.executable, "-I", "-c", script], cwd=elsewhere, env=environment, check=True, timeout=120)
    probability = np.load(elsewhere / "probability.npy")
    mask, bins = stored(predicted)
    valid = mask & 2 > 0
    assert probability.std() > 0.03
    sure = valid & (np.abs(probability - 0.5) > 1e-5)  # where rounding decides, either is right
    assert np.array_equal(mask[sure] & 1 > 0, probability[sure] > 0.5)
    assert sure.sum() > 0.99 * valid.sum()
    assert np.abs((bins[valid] + 0.5) / 256 - probability[valid]).max() < 1 / 512 + 1e-5


def test_a_saved_network_gives_what_the_trained_one_gave(
    network: keras.Model, predicted: Path, scene_file: Path
) -> None:
    scene = read_scene(scene_file)
    loaded, name = unet.load(predicted / "model.keras")
    assert name == "cloudmask"
    assert np.array_equal(Predictor(loaded)(scene), Predictor(network)(scene))


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_the_saved_layers_are_keras_own_in_the_precision_of_the_training(tmp_path: Path, precision: str) -> None:
    unet.save(unet.unet(2, 2, precision=precision, joining=True), tmp_path / "model.keras", "cloudmask")
    saved = keras.models.load_model(tmp_path / "model.keras", custom_objects={})
    assert {type(layer).__module__.split(".")[0] for layer in saved.layers} == {"keras"}
    assert saved.layers[1].dtype_policy.name == precision
    assert saved.output.dtype == "float32"
    assert unet.load(tmp_path / "model.keras")[0].layers[1].dtype_policy.name == precision


def test_the_command_writes_a_mask_for_each_scene(
    predicted: Path, scene_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = scene_file.with_name("S3B_SL_1_RBT____20191001T113221_x.hdf")
    shutil.copy(scene_file, other)
    target = predicted / "out"
    arguments = ["infer", "--model", str(predicted / "model.keras"), "--to", str(target), "--tile", "16"]
    assert main([*arguments, str(scene_file), str(other)]) == 0
    assert {path.name for path in target.iterdir()} == {"S3A_day.h5", "S3B_20191001T113221.h5"}
    with h5py.File(target / "S3A_day.h5") as file:
        assert set(file) == {"mask"}
        assert np.mean(file["mask"][...] != stored(predicted)[0]) < 1e-3
    assert 'progress=100 msg="scene 2 of 2"' in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"no model", "dense", "stranger"])
def test_what_is_no_network_of_cloudmask_is_wrong_input(
    tmp_path: Path, scene_file: Path, content: bytes | str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "model.keras"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content == "dense":
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save(path)
    elif content:
        unet.save(unet.unet(2, 1), path, content)
    assert main(["infer", "--model", str(path), str(scene_file)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"cloudmask: {path}: ")
    assert error.count("\n") == 1


def test_a_network_says_in_its_file_what_it_is(predicted: Path, tmp_path: Path) -> None:
    shutil.unpack_archive(predicted / "model.keras", tmp_path / "unpacked", "zip")
    config = json.loads((tmp_path / "unpacked/config.json").read_text())
    assert config["config"]["name"] == "cloudmask"
