"""The experiment: train on the store, predict the held-out scenes, score them beside baselines, write it all down."""

from __future__ import annotations

from dataclasses import astuple, fields
from pathlib import Path
from typing import get_args

import keras

from cloudmask.baselines import Baselines, read_baselines
from cloudmask.catalogue import read_catalogue
from cloudmask.compatibility import is_upstream
from cloudmask.errors import InputError
from cloudmask.figures import draw_training
from cloudmask.files import write_bytes, write_csv, write_json
from cloudmask.heldout import short_name
from cloudmask.history import Epoch
from cloudmask.inference import Predictor
from cloudmask.judging import Predict, judge
from cloudmask.keeper import keeper_for
from cloudmask.mllog import FILE as EVENTS
from cloudmask.mllog import Events
from cloudmask.patchwise import PatchPredictor
from cloudmask.progress import report
from cloudmask.results import write_results
from cloudmask.settings import Settings
from cloudmask.store import FILE, Subset, open_patches
from cloudmask.team import join
from cloudmask.training import prepare, train

TRAINED = 80  # percent of the whole work, about


def run(
    settings: Settings, scenes: Path, store: Path, checkpoints: Path | None = None, baselines: Path | None = None
) -> None:
    """Do the experiment and write its results into the current folder, metrics.json last.

    Parameters
    ----------
    scenes, store : Path
        The folders of the two stages.
    checkpoints : Path, optional
        A folder with the checkpoint of an earlier attempt; by default those beside this attempt's folder are looked at.
    baselines : Path, optional
        The folder of the stage `baselines`; without it the network stands alone.

    Raises
    ------
    InputError
        If one of them is not such a folder, the store was made with the other `compatibility`, or the baselines are of
        other scenes.
    CloudmaskError
        If a file in it is damaged or training diverges.
    """
    training, validation = (open_patches(store, subset, settings.compatibility) for subset in get_args(Subset))
    others = _baselines(baselines, scenes)
    here = Path.cwd()
    prepare(settings.seed, settings.deterministic)
    team = join()
    keeper = keeper_for(settings, here, store / FILE, checkpoints, team.chief)
    epochs: list[Epoch] = []

    def record(epoch: Epoch) -> None:
        if not team.chief:
            return
        epochs.append(epoch)
        write_csv(here / "history.csv", [field.name for field in fields(Epoch)], map(astuple, epochs))
        report(TRAINED * epoch.epoch / settings.epochs, f"epoch {epoch.epoch} of {settings.epochs}")

    def share(done: float) -> None:
        if team.chief:
            report(TRAINED * done / settings.epochs, f"epoch {int(done) + 1} of {settings.epochs}")

    if team.chief:
        report(0, "training")
    events = Events(here / EVENTS if team.chief else None)
    trained = train(settings, training, validation, record, events, team, keeper, share)
    if not team.chief:
        return
    write_json(here / "training.json", trained.about)
    write_bytes(here / "figures/training.png", draw_training(trained.epochs, settings.loss, trained.kept.epoch))
    judged = judge(settings, scenes, _predictor(settings, trained.model), TRAINED, here / "masks")
    scores = write_results(here, judged, others)
    write_json(here / "metrics.json", scores | {"val_accuracy": {"value": trained.kept.val_accuracy}})
    keeper.clear()


def _baselines(folder: Path | None, scenes: Path) -> Baselines:
    """Read the baselines, and see at once whether they are of the scenes that will be predicted."""
    found = read_baselines(folder) if folder else Baselines({})
    known = {short_name(file) for file in read_catalogue(scenes).files("inference")}
    if strange := [name for name in found.names if name not in known]:
        raise InputError(f"{folder}: baselines of other scenes ({strange[0]}) than those in {scenes}")
    return found


def _predictor(settings: Settings, model: keras.Model) -> Predict:
    """Return what finds the probability of cloud in a scene: one pass, or the benchmark's patches."""
    return PatchPredictor(model) if is_upstream(settings.compatibility) else Predictor(model, settings.tile)
