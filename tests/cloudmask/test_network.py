"""The network, its training and its figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cloudmask.errors import CloudmaskError
from cloudmask.experiment import short_name
from cloudmask.figures import draw_scene, draw_training
from cloudmask.hdf5 import read_scene
from cloudmask.inference import predictor
from cloudmask.settings import Settings, read_settings
from cloudmask.store import CLOUD, VALID, Patches, cut
from cloudmask.training import Epoch, batches, mean_over, prepare, train
from cloudmask.unet import unet

pytestmark = pytest.mark.usefixtures("tensorflow")
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def tensorflow() -> None:
    """Prepare before the first operation of the process."""
    prepare(1)


@pytest.fixture
def patches(scene_file: Path) -> Patches:
    return cut(read_scene(scene_file), 16)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "config.yaml").write_text("width: 2\nepochs: 8\nbatch: 5\nlearning_rate: 0.01\n")
    return read_settings(tmp_path / "config.yaml")


def run(settings: Settings, patches: Patches) -> list[Epoch]:
    epochs: list[Epoch] = []
    prepare(settings.seed)
    train(settings, patches, patches, epochs.append)
    return [replace(epoch, seconds=0) for epoch in epochs]


def test_the_network_is_the_references() -> None:
    assert unet(32).count_params() == 1_948_609


def test_a_batch_weighs_only_valid_pixels_and_the_last_one_may_be_smaller(patches: Patches) -> None:
    order = np.arange(len(patches.labels))
    found = list(batches(patches, order, 5))
    assert [len(channels) for channels, _, _ in found] == [5, 5, 2]
    labels = np.concatenate([label for _, label, _ in found])[..., 0]
    weights = np.concatenate([weight for _, _, weight in found])[..., 0]
    assert np.array_equal(labels * 1 + weights * 2, patches.labels)


def test_training_lowers_the_loss_and_takes_no_notice_of_pixels_that_are_not_valid(
    settings: Settings, patches: Patches
) -> None:
    epochs = run(settings, patches)
    assert [epoch.epoch for epoch in epochs] == list(range(1, 9))
    assert epochs[-1].val_loss < epochs[0].val_loss
    labels = np.where(patches.labels < VALID, patches.labels ^ CLOUD, patches.labels)
    assert (labels != patches.labels).any()
    # Equal to the last digit: the same seed gives the same network.
    assert run(settings, Patches(patches.images, labels)) == epochs


def test_the_history_is_the_mean_over_all_valid_pixels() -> None:
    weights = [np.array([1, 1, 1, 0], dtype=np.float32), np.array([1, 0, 0, 0], dtype=np.float32)]
    found = iter([{"loss": 1.0, "accuracy": 0.5}, {"loss": 5.0, "accuracy": 0.9}])
    source = iter([(weight, weight, weight) for weight in weights])
    assert mean_over(lambda *_, return_dict: next(found), source) == pytest.approx((2.0, 0.6))


def test_a_training_that_diverges_is_told(settings: Settings, patches: Patches) -> None:
    with pytest.raises(CloudmaskError, match="training diverged in epoch 1 of 8"):
        run(replace(settings, learning_rate=1e30), patches)


@pytest.mark.parametrize(("rows", "columns"), [(48, 64), (45, 59)])
def test_a_scene_of_any_size_is_predicted_whole(scene_file: Path, rows: int, columns: int) -> None:
    scene = read_scene(scene_file)
    part = replace(
        scene,
        channels=scene.channels[:rows, :columns],
        valid=scene.valid[:rows, :columns],
        cloud=scene.cloud[:rows, :columns],
    )
    assert predictor(unet(2))(part).shape == (rows, columns)


@pytest.mark.parametrize("epochs", [1, 40])
def test_curves_are_drawn_for_any_number_of_epochs(epochs: int) -> None:
    assert draw_training([Epoch(n + 1, 1 / (n + 1), 0.5, 0.9, 0.6, 1.0) for n in range(epochs)]).startswith(PNG)


@pytest.mark.parametrize("day", [True, False])
def test_a_scene_is_drawn_by_day_and_at_night(scene_file: Path, day: bool) -> None:
    scene = read_scene(scene_file)
    if not day:
        scene.channels[..., 3:] = 0
    assert draw_scene(scene, ~scene.cloud, "$x$ <title>").startswith(PNG)


def test_a_name_of_another_kind_stands_for_itself() -> None:
    assert short_name(Path("S3A_day.hdf")) == "S3A_day"
