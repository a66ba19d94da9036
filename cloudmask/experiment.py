"""The stage `train` and the command `infer`: train a network, or load one, and predict scenes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import get_args

import keras

from cloudmask.console import report, say
from cloudmask.data.compatibility import OWN, UPSTREAM, is_upstream
from cloudmask.data.compatibility import whole as with_fill
from cloudmask.data.hdf5 import read_scene
from cloudmask.data.scenes import read_catalogue
from cloudmask.data.store import FILE, Subset, open_patches
from cloudmask.errors import InputError
from cloudmask.figures import draw_training
from cloudmask.files import write_bytes, write_csv, write_json
from cloudmask.model import unet
from cloudmask.model.checkpoints import CheckpointManager, Epoch
from cloudmask.model.distribution import find_strategy
from cloudmask.model.inference import PatchPredictor, Predictor
from cloudmask.model.mllog import FILE as EVENTS
from cloudmask.model.mllog import Events
from cloudmask.model.trainer import prepare, train
from cloudmask.scoring.baselines import Baselines, read_baselines
from cloudmask.scoring.evaluation import Predict, evaluate, write_mask
from cloudmask.scoring.held_out import short_name
from cloudmask.scoring.histograms import quantize
from cloudmask.scoring.results import write_results
from cloudmask.settings import Settings

MODEL = "model.keras"
NAMES = {OWN: "cloudmask", UPSTREAM: "cloudmask_upstream"}  # of a saved network, by `compatibility`
TRAINED = 80  # percent of the total progress, approximately


def run(
    settings: Settings, scenes: Path, store: Path, checkpoints: Path | None = None, baselines: Path | None = None
) -> None:
    """Run the experiment and write its results into the current folder, metrics.json last.

    Parameters
    ----------
    scenes, store : Path
        The folders of the two stages.
    checkpoints : Path, optional
        The folder of an earlier attempt's checkpoint; by default those beside this attempt's folder are searched.
    baselines : Path, optional
        The folder of the stage `baselines`; without it, there is no comparison.

    Raises
    ------
    InputError
        If a folder is not that of its stage, the store was made with the other `compatibility`, or the baselines belong
        to other scenes.
    CloudmaskError
        If a file is damaged or the training diverges.
    """
    training, validation = (open_patches(store, subset, settings.compatibility) for subset in get_args(Subset))
    others = _baselines(baselines, scenes)
    here = Path.cwd()
    prepare(settings.seed, settings.deterministic)
    devices = find_strategy()
    manager = CheckpointManager.for_attempt(settings, here, store / FILE, checkpoints, devices.is_chief)
    epochs: list[Epoch] = []

    def record(epoch: Epoch) -> None:
        if not devices.is_chief:
            return
        epochs.append(epoch)
        write_csv(here / "history.csv", [field.name for field in fields(Epoch)], map(astuple, epochs))
        report(TRAINED * epoch.epoch / settings.epochs, f"epoch {epoch.epoch} of {settings.epochs}")

    def share(done: float) -> None:
        if devices.is_chief:
            report(TRAINED * done / settings.epochs, f"epoch {int(done) + 1} of {settings.epochs}")

    if devices.is_chief:
        report(0, "training")
    events = Events(here / EVENTS if devices.is_chief else None)
    trained = train(settings, training, validation, record, events, devices, manager, share)
    if not devices.is_chief:
        return
    unet.save(trained.network, here / MODEL, NAMES[settings.compatibility])
    write_json(here / "training.json", trained.about)
    write_bytes(here / "figures/training.png", draw_training(trained.epochs, settings.loss, trained.kept.epoch))
    predict = _predictor(trained.network, settings.compatibility, settings.tile)
    evaluation = evaluate(settings, scenes, predict, TRAINED, here / "masks")
    scores = write_results(here, evaluation, others)
    write_json(here / "metrics.json", scores | {"val_accuracy": {"value": trained.kept.val_accuracy}})
    manager.clear()


def infer(model: Path, scenes: Sequence[Path], to: Path, tile: int = 0, probability: bool = False) -> None:
    """Predict scenes with a saved network and write a mask for each, as `save_masks` does.

    Parameters
    ----------
    model : Path
        The saved network of an experiment.
    scenes : sequence of Path
        Files in the benchmark's schema.
    to : Path
        The folder for the masks.
    tile : int
        Side of a tile in pixels, as the parameter of that name.
    probability : bool
        Whether to write the probability as well.

    Raises
    ------
    InputError
        If the model or a scene does not exist, or the model is not a network of CloudMask.
    CloudmaskError
        If a scene is damaged.
    """
    network, name = unet.load(model)
    compatibility = next((key for key, value in NAMES.items() if value == name), None)
    if compatibility is None:
        raise InputError(f"{model}: a network of the name {name!r}, not of {' or '.join(NAMES.values())}")
    predict = _predictor(network, compatibility, tile)
    for done, file in enumerate(scenes, start=1):
        scene = read_scene(file)
        scene = with_fill(scene) if is_upstream(compatibility) else scene
        path = to / f"{short_name(file).replace(' ', '_')}.h5"
        write_mask(path, quantize(predict(scene)), scene, probability)
        report(100 * done / len(scenes), f"scene {done} of {len(scenes)}")
        say(f"{file.name}: {path}")


def _baselines(folder: Path | None, scenes: Path) -> Baselines:
    """Read the baselines; raise InputError if they belong to other scenes."""
    baselines = read_baselines(folder) if folder else Baselines({})
    names = {short_name(file) for file in read_catalogue(scenes).files("inference")}
    if unknown := [name for name in baselines.names if name not in names]:
        raise InputError(f"{folder}: baselines of other scenes ({unknown[0]}) than those in {scenes}")
    return baselines


def _predictor(network: keras.Model, compatibility: str, tile: int) -> Predict:
    """Return a function that predicts a scene in one pass or in the benchmark's patches."""
    return PatchPredictor(network) if is_upstream(compatibility) else Predictor(network, tile)
