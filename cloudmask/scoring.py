"""How well a mask agrees with the label, by the counts of a two-by-two table."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean

import numpy as np

from cloudmask.hdf5 import Mask, Scene


@dataclass(frozen=True)
class Counts:
    """Pixels of a scene by what was predicted and what the label says; only valid pixels count."""

    hits: int  # cloud in both
    misses: int  # cloud in the label alone
    false_alarms: int  # cloud in the prediction alone
    clear: int  # in both

    @classmethod
    def of(cls, predicted: Mask, scene: Scene) -> Counts:
        """Count the pixels of a scene.

        Parameters
        ----------
        predicted : ndarray of bool, shape (rows, columns)
            True for cloud.
        """
        pairs = scene.cloud[scene.valid] * 2 + predicted[scene.valid]
        clear, false_alarms, misses, hits = np.bincount(pairs, minlength=4).tolist()
        return cls(hits, misses, false_alarms, clear)

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.hits + other.hits,
            self.misses + other.misses,
            self.false_alarms + other.false_alarms,
            self.clear + other.clear,
        )

    @property
    def pixels(self) -> int:
        """All valid pixels."""
        return self.hits + self.misses + self.false_alarms + self.clear

    @property
    def cover(self) -> float:
        """Share of cloud in the label."""
        return (self.hits + self.misses) / self.pixels

    @property
    def accuracy(self) -> float:
        """Share of pixels that agree.

        >>> Counts(hits=50, misses=10, false_alarms=5, clear=35).accuracy
        0.85
        """
        return (self.hits + self.clear) / self.pixels


def summarise(scenes: list[Counts]) -> dict[str, float]:
    """Give the metrics of all scenes together; one whose denominator is zero is left out.

    ``accuracy`` is the mean over the scenes, as the benchmark has it; ``iou``, ``pod`` and ``pofd`` are of all pixels.

    >>> summarise([Counts(75, 25, 0, 0), Counts(0, 0, 25, 75)])
    {'accuracy': 0.75, 'iou': 0.6, 'pod': 0.75, 'pofd': 0.25}
    """
    total = sum(scenes, Counts(0, 0, 0, 0))
    shares = {
        "iou": (total.hits, total.hits + total.misses + total.false_alarms),
        "pod": (total.hits, total.hits + total.misses),
        "pofd": (total.false_alarms, total.false_alarms + total.clear),
    }
    accuracy = fmean(counts.accuracy for counts in scenes)
    return {"accuracy": accuracy} | {name: part / whole for name, (part, whole) in shares.items() if whole}
