"""The network on the held-out scenes: one scene in memory at a time, beside the two that make good pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cloudmask.figures import Shown
from cloudmask.hdf5 import Scene
from cloudmask.heldout import Held, held_out
from cloudmask.histograms import Counts, Ground, Histograms
from cloudmask.masks import Bins, quantise, write_mask
from cloudmask.metrics import Table
from cloudmask.progress import report, say
from cloudmask.scoring import lacking
from cloudmask.settings import Settings

Predict = Callable[[Scene], npt.NDArray[np.float32]]


@dataclass
class Judged:
    """What came out of the held-out scenes.

    Attributes
    ----------
    seconds : list of float
        What the network took for each scene; the first includes its compilation.
    shown : dict
        A scene for each of ``day`` and ``night`` that there is.
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
        """Count a scene; it is kept for a picture if no other of its light has cloud and clear sky as evenly."""
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


def judge(settings: Settings, scenes: Path, predict: Predict, done: float, masks: Path) -> Judged:
    """Predict all held-out scenes and count them.

    Parameters
    ----------
    scenes : Path
        The folder of the stage `scenes`.
    predict : callable
        Gives the probability of cloud in a scene.
    done : float
        Percent of the whole work before the first scene.
    masks : Path
        Where to write what was predicted, one file a scene, if the parameter `save_masks` says so.
    """
    judged = Judged()
    for held in held_out(settings, scenes):
        start = time.perf_counter()
        bins = quantise(predict(held.scene))
        judged.add(held, bins, time.perf_counter() - start)
        if settings.save_masks != "none":
            file = masks / f"{held.ground.name.replace(' ', '_')}.h5"
            write_mask(file, bins, held.scene, probability=settings.save_masks == "probabilities")
        report(done + (100 - done) * held.done / held.total, f"scene {held.done} of {held.total}")
    return judged
