"""The experiment: train on the store, predict the held-out scenes, score them and the baseline, write it all down."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from cloudmask.catalogue import read_catalogue
from cloudmask.figures import draw_scene, draw_training
from cloudmask.files import write_bytes, write_csv, write_json
from cloudmask.hdf5 import Mask, Scene, read_scene
from cloudmask.inference import predictor
from cloudmask.progress import report
from cloudmask.scoring import Counts, summarise
from cloudmask.settings import Settings
from cloudmask.store import open_patches
from cloudmask.threshold import threshold_mask
from cloudmask.training import Epoch, prepare, train

TRAINED = 80  # percent of the whole work, about
COLUMNS = ("scene", "light", "cover", "accuracy", "threshold_accuracy", "seconds")


@dataclass(frozen=True)
class Judged:
    """A held-out scene and what the network and the thresholds make of it; `seconds` are the network's."""

    name: str
    scene: Scene
    predicted: Mask
    network: Counts
    thresholds: Counts
    seconds: float

    @property
    def row(self) -> tuple[object, ...]:
        """Its line of tables/scenes.csv."""
        light = "day" if self.scene.day else "night"
        shares = self.network.cover, self.network.accuracy, self.thresholds.accuracy
        return self.name, light, *(round(share, 6) for share in shares), round(self.seconds, 3)

    @property
    def contrast(self) -> float:
        """How good a picture it makes, whatever the network: by day, with as much cloud as clear sky."""
        return self.scene.day - abs(self.network.cover - 0.5)


def run(settings: Settings, scenes: Path, store: Path) -> None:
    """Do the experiment and write its results into the current folder, metrics.json last.

    Parameters
    ----------
    scenes, store : Path
        The folders of the two stages.

    Raises
    ------
    InputError
        If one of them is not such a folder.
    CloudmaskError
        If a file in it is damaged or training diverges.
    """
    training, validation = open_patches(store, "training"), open_patches(store, "validation")
    files = read_catalogue(scenes).files("inference")
    here = Path.cwd()
    prepare(settings.seed)
    epochs: list[Epoch] = []

    def record(epoch: Epoch) -> None:
        epochs.append(epoch)
        write_csv(here / "history.csv", [field.name for field in fields(Epoch)], map(astuple, epochs))
        report(TRAINED * epoch.epoch / settings.epochs, f"epoch {epoch.epoch} of {settings.epochs}")

    report(0, "training")
    model = train(settings, training, validation, record)
    write_bytes(here / "figures/training.png", draw_training(epochs))
    network, thresholds = _judge_all(files, predictor(model), here)
    write_json(here / "baselines.json", {"threshold": summarise(thresholds)})
    write_json(here / "metrics.json", summarise(network) | {"val_accuracy": epochs[-1].val_accuracy})


def _judge_all(files: list[Path], predict: Callable[[Scene], Mask], here: Path) -> tuple[list[Counts], list[Counts]]:
    """Write table and figure of the held-out scenes, one scene in memory beside the one for the figure."""
    judged_all = _judge(files, predict)
    best = next(judged_all)
    rows, network, thresholds = [best.row], [best.network], [best.thresholds]
    for judged in judged_all:
        rows.append(judged.row)
        network.append(judged.network)
        thresholds.append(judged.thresholds)
        best = max(best, judged, key=lambda each: each.contrast)
    write_csv(here / "tables/scenes.csv", COLUMNS, rows)
    title = f"{best.name}, accuracy {best.network.accuracy:.3f} (thresholds {best.thresholds.accuracy:.3f})"
    write_bytes(here / "figures/scene.png", draw_scene(best.scene, best.predicted, title))
    return network, thresholds


def _judge(files: list[Path], predict: Callable[[Scene], Mask]) -> Iterator[Judged]:
    for done, file in enumerate(files, start=1):
        scene = read_scene(file)
        start = time.perf_counter()
        predicted = predict(scene)
        seconds = time.perf_counter() - start
        network, baseline = Counts.of(predicted, scene), Counts.of(threshold_mask(scene), scene)
        yield Judged(short_name(file), scene, predicted, network, baseline, seconds)
        report(TRAINED + (100 - TRAINED) * done / len(files), f"scene {done} of {len(files)}")


def short_name(file: Path) -> str:
    """Give the satellite and start time in a scene's file name, or all of the name if it is not of that kind.

    >>> short_name(Path("S3A_SL_1_RBT____20191001T113221_20191001T113521_0179_LN2_O_NT_003.hdf"))
    'S3A 20191001T113221'
    """
    found = re.match(r"(S3[AB])_SL_1_RBT_+(\d{8}T\d{6})_", file.name)
    return " ".join(found.groups()) if found else file.stem
