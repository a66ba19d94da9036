"""Training: what it learns from, when it ends, and what a person reads when it cannot go on."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cloudmask.data.hdf5 import read_scene
from cloudmask.data.patches import CLOUD, VALID, Patches, cut
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.model.batches import BatchLoader, valid_pixels
from cloudmask.model.callbacks import StoppedError, catch_sigterm
from cloudmask.model.checkpoints import FILE, CheckpointManager, Epoch
from cloudmask.model.distribution import DistributionStrategy, single_device
from cloudmask.model.trainer import Trained, prepare, train
from cloudmask.model.unet import unet
from cloudmask.settings import Settings, read_settings

pytestmark = pytest.mark.usefixtures("tensorflow")
CONFIG = "patch: 16\nwidth: 2\ndepth: 1\nepochs: 6\nbatch: 5\nlearning_rate: 0.01\nprecision: float32\n"


@pytest.fixture
def patches(scene_file: Path) -> Patches:
    return cut(read_scene(scene_file), 16)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "config.yaml").write_text(CONFIG)
    return read_settings(tmp_path / "config.yaml")


def run(settings: Settings, patches: Patches, manager: CheckpointManager | None = None) -> Trained:
    prepare(settings.seed)
    return train(settings, patches, patches, lambda _epoch: None, checkpoints=manager)


def timeless(epochs: list[Epoch]) -> list[Epoch]:
    return [replace(epoch, seconds=0) for epoch in epochs]


def same_weights(one: Trained, other: Trained) -> bool:
    return all(map(np.array_equal, one.network.get_weights(), other.network.get_weights()))


@pytest.mark.parametrize("devices", [2, 3, 7])
def test_the_shares_of_all_devices_are_the_batch(patches: Patches, devices: int) -> None:
    chosen = np.array([3, 0, 7, 5, 1])
    shares = []
    for index in range(devices):
        own = Devices(index, devices)
        shares.append(BatchLoader(patches, 5, own)._gather(chosen))
    images, labels = (np.concatenate([share[part] for share in shares]) for part in (0, 1))
    assert np.count_nonzero(labels & VALID) == valid_pixels(patches.labels)[chosen].sum()
    assert np.array_equal(images[: len(chosen)], patches.images[chosen])
    # Every device has as many, however few are left.
    assert {len(share[0]) for share in shares} == {-(-len(chosen) // devices)}


class Devices(DistributionStrategy):
    """One of several processes with one device each."""

    def __init__(self, index: int, processes: int) -> None:
        super().__init__(single_device().strategy, index, processes)

    @property
    def devices(self) -> int:
        return self.processes


def epoch_of(loader: BatchLoader, **options: int) -> list[tuple[np.ndarray, np.ndarray]]:
    batches = loader.shuffled(1, **options).take(loader.steps)
    return [(images.numpy(), labels.numpy()) for images, labels in batches]


def test_an_epoch_gives_every_patch_once_and_the_last_batch_may_be_smaller(patches: Patches) -> None:
    loader = BatchLoader(patches, 5, single_device())
    order = np.random.default_rng([1, 1]).permutation(len(patches.labels))
    found = epoch_of(loader)
    assert loader.steps == 3
    assert [len(images) for images, _ in found] == [5, 5, 2]
    assert np.array_equal(np.concatenate([images for images, _ in found]), patches.images[order])
    assert np.array_equal(np.concatenate([labels for _, labels in found]), patches.labels[order])


def test_a_loader_continues_within_an_epoch_and_shuffles_the_next_one_anew(patches: Patches) -> None:
    loader = BatchLoader(patches, 5, single_device())
    (first, *_), (second, *_) = epoch_of(loader, epoch=3), epoch_of(loader, epoch=4)
    later = epoch_of(loader, epoch=3, step=1)
    assert [len(images) for images, _ in later] == [5, 2, 5]
    assert np.array_equal(later[0][0], epoch_of(loader, epoch=3)[1][0])
    assert np.array_equal(later[2][0], second[0])
    assert not np.array_equal(first[0], second[0])


def test_a_patch_without_a_valid_pixel_is_left_out(patches: Patches) -> None:
    labels = patches.labels.copy()
    labels[[2, 5]] = CLOUD
    loader = BatchLoader(Patches(patches.images, labels), 5, single_device())
    assert loader.patches == len(labels) - 2
    assert all((batch & VALID).any(axis=(1, 2)).all() for _, batch in epoch_of(loader))


def test_training_lowers_the_loss_and_takes_no_notice_of_pixels_that_are_not_valid(
    settings: Settings, patches: Patches
) -> None:
    found = run(settings, patches)
    assert [epoch.epoch for epoch in found.epochs] == list(range(1, 7))
    assert found.epochs[-1].val_loss < found.epochs[0].val_loss
    assert found.kept is found.epochs[-1]
    labels = np.where(patches.labels < VALID, patches.labels ^ CLOUD, patches.labels)
    assert (labels != patches.labels).any()
    again = run(settings, Patches(patches.images, labels))
    # Equal to the last digit: the same seed gives the same network.
    assert timeless(again.epochs) == timeless(found.epochs)
    assert same_weights(again, found)


def test_another_seed_gives_another_network(settings: Settings, patches: Patches) -> None:
    short = replace(settings, epochs=1)
    assert not same_weights(run(short, patches), run(replace(short, seed=5), patches))


def test_the_history_is_the_mean_over_all_valid_pixels(settings: Settings, patches: Patches) -> None:
    found = run(replace(settings, epochs=1, batch=len(patches.labels)), patches)
    prepare(settings.seed)
    initial = unet(settings.width, settings.depth)  # training's means are taken before the step, here the only one
    cloud, valid = patches.labels & CLOUD > 0, patches.labels & VALID > 0
    for name, model in (("", initial), ("val_", found.network)):
        logit = model(patches.channels(np.arange(len(patches.labels))))[..., 0].numpy().astype(float)
        each = np.log1p(np.exp(-np.where(cloud, logit, -logit)))
        assert getattr(found.kept, f"{name}loss") == pytest.approx(each[valid].mean(), rel=1e-5)
        assert getattr(found.kept, f"{name}accuracy") == pytest.approx(((logit > 0) == cloud)[valid].mean(), abs=1e-9)


@pytest.mark.parametrize(
    ("precision", "loss"), [("float32", "dice"), ("mixed_bfloat16", "dice"), ("mixed_float16", "cross_entropy")]
)
def test_any_precision_and_loss_learns(settings: Settings, patches: Patches, precision: str, loss: str) -> None:
    found = run(replace(settings, epochs=4, precision=precision, loss=loss), patches)
    assert found.about["precision"] == precision
    assert found.epochs[-1].val_loss < found.epochs[0].val_loss


def test_patches_without_a_valid_pixel_change_nothing(settings: Settings, patches: Patches) -> None:
    empty = Patches(patches.images[:3], np.zeros_like(patches.labels[:3]))
    both = Patches(np.concatenate([patches.images, empty.images]), np.concatenate([patches.labels, empty.labels]))
    short = replace(settings, epochs=2)
    found = run(short, both)
    assert timeless(found.epochs) == timeless(run(short, patches).epochs)


@pytest.mark.parametrize(("patience", "kept"), [(0, "last"), (2, "best")])
def test_patience_ends_a_training_with_its_best_weights(
    settings: Settings, patches: Patches, patience: int, kept: str
) -> None:
    # Labels of validation that are the opposite: what is learned makes it worse from the first epoch on.
    opposite = Patches(patches.images, patches.labels ^ CLOUD)
    prepare(settings.seed)
    found = train(replace(settings, patience=patience), patches, opposite, lambda _epoch: None)
    best = min(found.epochs, key=lambda epoch: epoch.val_loss)
    assert len(found.epochs) == (best.epoch + patience if patience else settings.epochs)
    assert best.epoch < len(found.epochs)
    assert found.kept is (best if kept == "best" else found.epochs[-1])
    prepare(settings.seed)
    until_then = train(replace(settings, epochs=found.kept.epoch), patches, opposite, lambda _epoch: None)
    assert same_weights(found, until_then)


@pytest.mark.parametrize(("learning_rate", "precision"), [(3e38, "float32"), (1e4, "mixed_float16")])
def test_a_training_that_diverges_is_told(
    settings: Settings, patches: Patches, learning_rate: float, precision: str
) -> None:
    with pytest.raises(CloudmaskError, match=r"training diverged in epoch \d of 6: the loss is no longer a finite"):
        run(replace(settings, learning_rate=learning_rate, precision=precision), patches)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"batch": 13}, "batch: 13 is more than the 12 patches for training"),
        ({"patch": 32}, "patch: 32, but the store's patches have 16 x 16 pixels"),
        ({"depth": 5}, "patch: 16 is not a multiple of 32"),
    ],
)
def test_what_does_not_fit_together_is_told(
    settings: Settings, patches: Patches, change: dict[str, int], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        run(replace(settings, **change), patches)  # type: ignore[arg-type]


def test_a_store_of_other_channels_is_told(settings: Settings, patches: Patches) -> None:
    with pytest.raises(InputError, match="patches have 8 channels, the network takes 9"):
        run(settings, Patches(patches.images[..., :8], patches.labels))


def test_patches_without_a_valid_pixel_are_told(settings: Settings, patches: Patches) -> None:
    with pytest.raises(CloudmaskError, match="the patches for training have no valid pixel"):
        run(settings, Patches(patches.images, patches.labels & CLOUD))


def test_the_benchmarks_way_is_float32_unless_asked_otherwise(settings: Settings, patches: Patches) -> None:
    settings = replace(settings, epochs=1, compatibility="upstream")
    open_, asked = (run(replace(settings, precision=precision), patches) for precision in ("auto", "mixed_bfloat16"))
    assert (open_.about["precision"], asked.about["precision"]) == ("float32", "mixed_bfloat16")


@pytest.mark.parametrize(("minutes", "patience"), [(10, 0), (1e-9, 3)])
def test_a_training_goes_on_from_any_checkpoint_to_the_same_network(
    settings: Settings, patches: Patches, tmp_path: Path, minutes: float, patience: int
) -> None:
    settings = replace(settings, epochs=2, patience=patience)
    whole = run(settings, patches)
    written: list[int] = []

    class Killed(CheckpointManager):
        def write(self, checkpoint: object) -> None:
            super().write(checkpoint)  # type: ignore[arg-type]
            written.append(1)
            if len(written) % 2 == 0:
                raise KeyboardInterrupt

    for _ in range(20):
        try:
            found = run(settings, patches, Killed(tmp_path, [tmp_path], {"parameters": {}}, minutes))
        except KeyboardInterrupt:
            continue
        break
    assert len(written) >= (2 if minutes == 10 else 6)
    assert timeless(found.epochs) == timeless(whole.epochs)
    assert found.kept.epoch == whole.kept.epoch
    assert same_weights(found, whole)
    assert found.about["resumed_after"]


def test_a_finished_training_gives_its_network_at_once(settings: Settings, patches: Patches, tmp_path: Path) -> None:
    manager = CheckpointManager(tmp_path, [tmp_path], {"parameters": {}})
    whole = run(settings, patches, manager)
    again = run(settings, patches, CheckpointManager(tmp_path, [tmp_path], {"parameters": {}}))
    assert again.epochs == whole.epochs
    assert same_weights(again, whole)


def test_a_checkpoint_of_another_network_is_never_half_used(
    settings: Settings, patches: Patches, tmp_path: Path
) -> None:
    run(replace(settings, epochs=1), patches, CheckpointManager(tmp_path, [], {"parameters": {}}))
    with pytest.raises(CloudmaskError, match=rf"{tmp_path / FILE}: arrays of another network"):
        run(replace(settings, width=3), patches, CheckpointManager(tmp_path, [tmp_path], {"parameters": {}}))


def test_sigterm_ends_a_training_after_the_step_with_a_checkpoint(
    settings: Settings, patches: Patches, tmp_path: Path
) -> None:
    whole = run(settings, patches)
    manager = CheckpointManager(tmp_path, [tmp_path], {"parameters": {}})

    def record(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    prepare(settings.seed)
    with pytest.raises(StoppedError, match="ended by SIGTERM after 2 epochs and 1 steps") as caught:
        train(settings, patches, patches, record, checkpoints=manager)
    assert caught.value.exit_code == 143
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    found = run(settings, patches, manager)
    assert timeless(found.epochs) == timeless(whole.epochs)
    assert same_weights(found, whole)


def test_a_wish_to_stop_is_heard_only_within_the_block() -> None:
    with catch_sigterm() as stop:
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
