"""A training in a process of its own, for tests that kill it or run several: python trainer.py FOLDER OPTIONS.

It writes weights-INDEX.npz and history-INDEX.json into FOLDER, and keeps its checkpoints there.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from cloudmask.data.patches import CLOUD, VALID, Patches
from cloudmask.errors import CloudmaskError
from cloudmask.model.callbacks import TrainingState
from cloudmask.model.checkpoints import CheckpointManager, Epoch
from cloudmask.model.distribution import DistributionStrategy, find_strategy
from cloudmask.model.trainer import prepare, train
from cloudmask.settings import Settings, read_settings

SIDE = 32


def patches(count: int, seed: int) -> Patches:
    """Make patches with cloud where a neighbourhood is bright, some pixels not valid, and one patch without any."""
    rng = np.random.default_rng(seed)
    images = rng.normal(scale=8192, size=(count, SIDE, SIDE, 9)).round().astype(np.int16)
    labels: npt.NDArray[np.uint8] = (images[..., 0] + np.roll(images[..., 1], 1, axis=1) > 0) * np.uint8(CLOUD)
    valid = rng.random(labels.shape) < 0.9
    valid[count // 2] = False
    return Patches(images * valid[..., None], labels | valid * np.uint8(VALID))


def configured(folder: Path, options: dict[str, Any]) -> Settings:
    precision = options.pop("precision")  # also float64, which is only for checks
    path = folder / f"config-{os.getpid()}.json"
    path.write_text(json.dumps({"patch": SIDE, "width": 4, "depth": 2, "batch": 5, "epochs": 4, **options}))
    return replace(read_settings(path), precision=precision)


def main(folder: Path, options: dict[str, Any]) -> None:
    devices, pause = options.pop("devices", 1), options.pop("pause", 0)
    settings = configured(folder, options)
    if devices > 1:
        cpu, parts = tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(cpu, parts)
    prepare(settings.seed)
    devices_named = [f"CPU:{number}" for number in range(devices)]
    team = DistributionStrategy(tf.distribute.MirroredStrategy(devices_named)) if devices > 1 else find_strategy()
    checkpoints = folder / "checkpoints"
    manager = CheckpointManager(
        checkpoints, [checkpoints], {"parameters": asdict(settings)}, settings.checkpoint_minutes, team.is_chief
    )

    def record(epoch: Epoch) -> None:
        print(f"epoch {epoch.epoch}", flush=True)

    after_step = TrainingState.on_train_batch_end

    def slowly(self: TrainingState, batch: int, logs: dict[str, Any]) -> None:
        print("step", flush=True)
        time.sleep(pause)
        after_step(self, batch, logs)

    TrainingState.on_train_batch_end = slowly  # type: ignore[method-assign]
    trained = train(settings, patches(23, 1), patches(7, 2), record, devices=team, checkpoints=manager)
    np.savez(folder / f"weights-{team.index}.npz", *trained.network.get_weights())
    history = [{name: value for name, value in asdict(epoch).items() if name != "seconds"} for epoch in trained.epochs]
    (folder / f"history-{team.index}.json").write_text(json.dumps(history))
    (folder / f"about-{team.index}.json").write_text(json.dumps(trained.about))


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), json.loads(sys.argv[2]))
    except CloudmaskError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
