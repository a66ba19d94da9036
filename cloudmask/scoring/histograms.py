"""Strata and histograms: counts of pixels by scene, surface, edge, truth, label and probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from cloudmask.data.hdf5 import Mask, Scene
from cloudmask.errors import CloudmaskError

Bins = npt.NDArray[np.uint8]
BINS = 256
HALF = 128  # the first bin that is cloud
SURFACES = ("unknown", "ocean", "land", "snow")
ZONES = ("interior", "edge")
EDGE = 3  # maximum distance in pixels to a pixel of the other class


def quantize(probability: npt.NDArray[np.float32]) -> Bins:
    """Return the bins of probabilities: b for p in (b / 256, (b + 1) / 256], and 0 for p = 0.

    Bins are closed above, so that bins from 128 on are exactly what the benchmark classifies as cloud: p > 0.5.

    >>> quantize(np.array([0.0, 0.5, 0.5000001, 1.0], dtype=np.float32))
    array([  0, 127, 128, 255], dtype=uint8)
    """
    return np.asarray(np.maximum(np.ceil(probability * np.float32(BINS)) - 1, 0), dtype=np.uint8)


FILL = len(SURFACES)  # the index after the surfaces: invalid pixels
# Surface or fill, edge or interior, hidden truth (clear, cloud), label (clear, cloud), probability.
SHAPE = (FILL + 1, len(ZONES), 2, 2, BINS)

Counts = npt.NDArray[np.int32]
Pairs = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Hidden:
    """The hidden truth of a synthetic scene, each of shape (rows, columns)."""

    truth: Mask  # cloud
    land: Mask
    snow: Mask

    @property
    def surface(self) -> npt.NDArray[np.intp]:
        """Indices into `SURFACES`; ice on land and sea counts as snow."""
        return np.where(self.snow, 3, np.where(self.land, 2, 1))


def read_hidden(path: Path, shape: tuple[int, int]) -> Hidden | None:
    """Read the hidden truth of a scene; return None if there is none, as for real scenes.

    Raises
    ------
    CloudmaskError
        If the file is damaged or its shape differs from the scene.
    """
    if not path.is_file():
        return None
    try:
        with h5py.File(path, "r", locking=False) as file:
            masks = [np.asarray(file[name][...] > 0) for name in ("truth", "land", "snow")]
    except (OSError, KeyError, AttributeError, TypeError) as error:
        raise CloudmaskError(f"{path}: not a scene's hidden truth: {error}") from None
    if {array.shape for array in masks} != {shape}:
        raise CloudmaskError(f"{path}: has another shape than its scene of {shape[0]} x {shape[1]} pixels")
    return Hidden(*masks)


def edges(scene: Scene, distance: int = EDGE) -> Mask:
    """Return the pixels at most `distance` rows and columns from a valid pixel of the other class.

    Masks are least certain at the edges of cloud, and the label itself has errors there.
    """
    return _spread(scene.cloud & scene.valid, distance) & _spread(~scene.cloud & scene.valid, distance)


def _spread(mask: Mask, distance: int) -> Mask:
    for axis in (0, 1):
        mask = _spread_along(np.moveaxis(mask, axis, 0), distance)
        mask = np.moveaxis(mask, 0, axis)
    return mask


def _spread_along(mask: Mask, distance: int) -> Mask:
    spread = mask.copy()
    for step in range(1, min(distance, len(mask) - 1) + 1):
        spread[step:] |= mask[:-step]
        spread[:-step] |= mask[step:]
    return spread


@dataclass(frozen=True)
class Ground:
    """The known properties of the pixels of a scene, by which the predictions of all methods are counted.

    Attributes
    ----------
    kind : ndarray of uint8, shape (rows, columns)
        The flat index of a pixel in all but the last axis of `SHAPE`.
    """

    name: str
    day: bool
    known: bool  # whether the hidden truth is known
    kind: npt.NDArray[np.uint8]

    @classmethod
    def of(cls, name: str, scene: Scene, hidden: Hidden | None) -> Ground:
        """Classify the pixels of a scene."""
        surface = np.where(scene.valid, hidden.surface if hidden else 0, FILL).astype(np.uint8)
        truth = hidden.truth if hidden else np.uint8(0)
        kind = ((surface * 2 + edges(scene)) * 2 + truth) * 2 + scene.cloud
        return cls(name, scene.day, hidden is not None, kind.astype(np.uint8))

    def count(self, bins: Bins) -> Counts:
        """Return the counts of a prediction, shape `SHAPE`.

        Parameters
        ----------
        bins : ndarray of uint8, shape (rows, columns)
            From `cloudmask.scoring.histograms.quantize`.
        """
        cells = self.kind.astype(np.intp) * BINS + bins
        return np.bincount(cells.ravel(), minlength=int(np.prod(SHAPE))).reshape(SHAPE).astype(np.int32)


@dataclass(frozen=True)
class Histograms:
    """The counts of a method for all scenes.

    Attributes
    ----------
    names, day, known : sequence, length n
        Attributes of the scenes, as in `Ground`.
    counts : ndarray of int32, shape (n, *SHAPE)
    """

    names: tuple[str, ...]
    day: npt.NDArray[np.bool_]
    known: npt.NDArray[np.bool_]
    counts: Counts

    @classmethod
    def of(cls, grounds: Sequence[Ground], counts: Sequence[Counts]) -> Histograms:
        """Combine the counts of several scenes."""
        day, known = (
            np.array([getattr(ground, attribute) for ground in grounds], dtype=bool) for attribute in ("day", "known")
        )
        stacked = np.stack(counts) if counts else np.zeros((0, *SHAPE), dtype=np.int32)
        return cls(tuple(ground.name for ground in grounds), day, known, stacked)

    def by_label(self, surface: str | None = None, zone: str | None = None) -> Pairs:
        """Return the valid pixels by label and probability, shape (n, 2, 256), of a surface, a zone or all."""
        chosen = self._valid(surface, zone)
        return np.asarray(chosen.sum(axis=(1, 2, 3), dtype=np.int64))

    def by_truth(self) -> Pairs:
        """Return the valid pixels by hidden truth and probability, shape (n, 2, 256); 0 if it is unknown."""
        pairs = self._valid().sum(axis=(1, 2, 4), dtype=np.int64)
        return np.where(self.known[:, None, None], pairs, 0)

    def with_fill(self) -> Pairs:
        """Return all pixels, including invalid ones, by label and probability, shape (n, 2, 256)."""
        return np.asarray(self.counts.sum(axis=(1, 2, 3), dtype=np.int64))

    def _valid(self, surface: str | None = None, zone: str | None = None) -> Counts:
        surfaces = slice(FILL) if surface is None else [SURFACES.index(surface)]
        zones = slice(None) if zone is None else [ZONES.index(zone)]
        return self.counts[:, surfaces][:, :, zones]


def strata(histograms: Histograms) -> dict[str, Pairs]:
    """Return the pixels of each stratum by scene, label and probability, shape (n, 2, 256), without empty strata.

    ``hidden truth`` has all valid pixels by the hidden truth instead of the label.
    """
    everything = histograms.by_label()
    by_light = {"day": everything[histograms.day], "night": everything[~histograms.day]}
    by_surface = {name: histograms.by_label(surface=name) for name in SURFACES[1:]}
    by_zone = {name: histograms.by_label(zone=name) for name in ZONES}
    all_strata = {"all": everything} | by_light | by_surface | by_zone | {"hidden truth": histograms.by_truth()}
    return {name: pairs for name, pairs in all_strata.items() if pairs.any()}
