"""The stage `baselines`: simple methods with which the network is compared."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from cloudmask.console import report, say
from cloudmask.data.hdf5 import Mask, Scene
from cloudmask.data.patches import channel_names
from cloudmask.data.store import open_patches
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.files import read_json, write_bytes, write_json
from cloudmask.scoring.held_out import held_out
from cloudmask.scoring.histograms import SHAPE, Bins, Counts, Ground, Histograms
from cloudmask.scoring.scores import summarize, values
from cloudmask.settings import Settings

COLD = 270.0  # K at 10.85 um (S8); clouds are colder than most ground
BRIGHT = 0.15  # reflectance at 1.375 um (S4), where water vapor hides the ground but not high cloud
S8, S4 = 1, 6  # indices of the channels


def threshold_mask(scene: Scene) -> Mask:
    """Return the mask of a scene by two thresholds, shape (rows, columns): cloud is cold or bright.

    The thresholds had the highest accuracy, 0.830, on a grid of 13 temperatures in steps of 2 K and 9 reflectances from
    0.03 to 0.3, for the labels of 60 synthetic scenes of 600 x 750 pixels that are not used elsewhere.
    """
    return np.asarray((scene.channels[..., S8] < COLD) | (scene.channels[..., S4] > BRIGHT))


FILE, ARRAYS = "methods.json", "histograms.npz"  # baselines.json would be read by the runner
FORMAT = 1
FITTING = 10  # percent of the progress, approximately


class Kind(NamedTuple):
    """The display name of a method, and whether it gives probabilities or only a mask."""

    title: str
    soft: bool


KINDS = {
    "always_cloud": Kind("always cloud", soft=False),
    "threshold": Kind("thresholds", soft=False),
    "logistic": Kind("logistic regression", soft=True),
    "boosting": Kind("gradient boosting", soft=True),
}

Method = Callable[[Scene], Bins]


@dataclass(frozen=True)
class Baselines:
    """The results of the stage: the histograms of each method in `KINDS` for the same scenes; may be empty."""

    methods: dict[str, Histograms]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the scenes; empty if there is no method."""
        return next((histograms.names for histograms in self.methods.values()), ())

    def scores(self) -> dict[str, dict[str, float]]:
        """Return the content of an experiment's baselines.json: values by method and metric."""
        return {name: values(summarize(histograms, KINDS[name].soft)) for name, histograms in self.methods.items()}


def run(settings: Settings, scenes: Path, store: Path) -> None:
    """Fit and apply all methods, and write the results into the current folder, methods.json last.

    Parameters
    ----------
    scenes, store : Path
        The folders of the two stages.

    Raises
    ------
    InputError
        If a folder is not that of its stage.
    CloudmaskError
        If a file is damaged, or the training pixels are of one class.
    """
    methods = _fixed() | _learned(settings, store)
    grounds: list[Ground] = []
    counts: dict[str, list[Counts]] = {name: [] for name in methods}
    for held in held_out(settings, scenes):
        grounds.append(held.ground)
        for name, method in methods.items():
            counts[name].append(held.ground.count(method(held.scene)))
        report(FITTING + (100 - FITTING) * held.done / held.total, f"baselines: scene {held.done} of {held.total}")
    baselines = Baselines({name: Histograms.of(grounds, by_scene) for name, by_scene in counts.items()})
    _write(baselines, Path.cwd())
    for name, scores in baselines.scores().items():
        say(f"{KINDS[name].title}: accuracy {scores['accuracy']:.4f}")


def _fixed() -> dict[str, Method]:
    return {
        "always_cloud": lambda scene: _certain(np.ones(scene.cloud.shape, dtype=bool)),
        "threshold": lambda scene: _certain(threshold_mask(scene)),
    }


def _certain(mask: Mask) -> Bins:
    return np.where(mask, np.uint8(255), np.uint8(0))


def _learned(settings: Settings, store: Path) -> dict[str, Method]:
    # OpenMP reads this when it starts; the work is shared by threads of this program.
    os.environ["OMP_NUM_THREADS"] = "1"
    from cloudmask.scoring import classifiers  # noqa: PLC0415  imports scikit-learn, which only this stage needs

    report(0, "baselines: learning from pixels")
    patches = open_patches(store, "training", settings.compatibility)
    fitted = classifiers.learn(patches, channel_names(settings.compatibility), settings.data_seed)

    def method(name: str) -> Method:
        return lambda scene: classifiers.predict(fitted[name], scene)

    return {name: method(name) for name in fitted}


def _write(baselines: Baselines, folder: Path) -> None:
    first = next(iter(baselines.methods.values()))
    arrays: dict[str, Any] = {name: histograms.counts for name, histograms in baselines.methods.items()}
    data = io.BytesIO()
    np.savez_compressed(data, **arrays)
    write_bytes(folder / ARRAYS, data.getvalue())
    scenes = [
        {"name": name, "day": day, "truth": known}
        for name, day, known in zip(first.names, first.day.tolist(), first.known.tolist(), strict=True)
    ]
    write_json(folder / FILE, {"format": FORMAT, "scenes": scenes, "scores": baselines.scores()})


def read_baselines(folder: Path) -> Baselines:
    """Read the results of the stage `baselines`.

    Raises
    ------
    InputError
        If a file is missing.
    CloudmaskError
        If a file is damaged or has another format.
    """
    content = read_json(folder / FILE)
    try:
        scenes = [(scene["name"], scene["day"], scene["truth"]) for scene in content["scenes"]]
        names, day, known = zip(*scenes, strict=True)
        known_format = content["format"] == FORMAT
    except (KeyError, TypeError, ValueError):
        known_format = False
    if not known_format:
        raise CloudmaskError(f"{folder / FILE}: not baselines of format {FORMAT}; run the stage anew")
    arrays = _read_arrays(folder / ARRAYS, len(names))
    return Baselines({name: Histograms(names, np.array(day), np.array(known), arrays[name]) for name in KINDS})


def _read_arrays(path: Path, scenes: int) -> dict[str, Counts]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in KINDS}
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise CloudmaskError(f"{path}: not the histograms of the baselines: {error}") from None
    if any(array.shape != (scenes, *SHAPE) for array in arrays.values()):
        raise CloudmaskError(f"{path}: histograms of other scenes or strata than {FILE} names")
    return arrays
