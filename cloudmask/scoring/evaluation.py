"""Evaluation of the network on the held-out scenes; in memory are one scene and the two to draw."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cloudmask.console import report, say
from cloudmask.data.hdf5 import Scene, write_arrays
from cloudmask.data.patches import CLOUD, VALID
from cloudmask.figures import Shown
from cloudmask.scoring.held_out import Held, held_out
from cloudmask.scoring.histograms import HALF, Bins, Counts, Ground, Histograms, quantize
from cloudmask.scoring.metrics import Table
from cloudmask.scoring.scores import lacking
from cloudmask.settings import Settings

SMALL = 9  # the highest gzip level

Predict = Callable[[Scene], npt.NDArray[np.float32]]


@dataclass
class Evaluation:
    """The results for the held-out scenes.

    Attributes
    ----------
    seconds : list of float
        The prediction time of each scene; the first includes compilation.
    shown : dict
        The scene to draw for each of ``day`` and ``night``.
    """

    grounds: list[Ground] = field(default_factory=list)
    counts: list[Counts] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    shown: dict[str, Shown] = field(default_factory=dict)
    _contrast: dict[str, float] = field(default_factory=dict)

    @property
    def histograms(self) -> Histograms:
        """The counts of all scenes."""
        return Histograms.of(self.grounds, self.counts)

    def add(self, held: Held, bins: Bins, seconds: float) -> None:
        """Count a scene; keep it for drawing if its share of cloud is the closest to one half so far."""
        counts = held.ground.count(bins)
        pairs = Histograms.of([held.ground], [counts]).by_label()[0]
        self.grounds.append(held.ground)
        self.counts.append(counts)
        self.seconds.append(seconds)
        if lack := lacking(pairs):
            say(f"{held.ground.name}: {lack} of its own")
        light, contrast = ("day" if held.ground.day else "night"), -abs(float(Table.of(pairs).cover) - 0.5)
        if contrast > self._contrast.get(light, -1):
            self._contrast[light] = contrast
            self.shown[light] = Shown(held.ground.name, held.scene, bins)


def evaluate(settings: Settings, scenes: Path, predict: Predict, done: float, masks: Path) -> Evaluation:
    """Predict all held-out scenes and count their pixels.

    Parameters
    ----------
    scenes : Path
        The folder of the stage `scenes`.
    predict : callable
        Returns the probability of cloud in a scene.
    done : float
        Percent of the total progress before the first scene.
    masks : Path
        Where to write the predictions, one file per scene, if the parameter `save_masks` is not ``none``.
    """
    evaluation = Evaluation()
    for held in held_out(settings, scenes):
        start = time.perf_counter()
        bins = quantize(predict(held.scene))
        evaluation.add(held, bins, time.perf_counter() - start)
        if settings.save_masks != "none":
            file = masks / f"{held.ground.name.replace(' ', '_')}.h5"
            write_mask(file, bins, held.scene, probability=settings.save_masks == "probabilities")
        report(done + (100 - done) * held.done / held.total, f"scene {held.done} of {held.total}")
    return evaluation


def write_mask(path: Path, bins: Bins, scene: Scene, probability: bool) -> None:
    """Write the prediction for a scene as HDF5.

    ``mask`` (rows, columns) has the bits `CLOUD` (1) and `VALID` (2), like labels in the store; ``probability`` (rows,
    columns) has the bin b of `quantize`, whose middle is (b + 0.5) / 256. Both are 0 where the scene is not valid.

    Parameters
    ----------
    probability : bool
        Whether to write the probability as well, which is about ten times as large.
    """
    mask = (bins >= HALF) * np.uint8(CLOUD) | np.uint8(VALID)
    arrays = {"mask": mask} | ({"probability": bins} if probability else {})
    kept = {name: np.where(scene.valid, array, np.uint8(0)) for name, array in arrays.items()}
    write_arrays(path, kept, compress=SMALL)
