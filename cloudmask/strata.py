"""Which kind of pixel is which: surface, edge or interior of cloud, hidden truth; one small number a pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import numpy.typing as npt

from cloudmask.errors import CloudmaskError
from cloudmask.hdf5 import Mask, Scene

SURFACES = ("unknown", "ocean", "land", "snow")
ZONES = ("interior", "edge")
EDGE = 3  # pixels from the nearest pixel of the other class


@dataclass(frozen=True)
class Hidden:
    """What is known of a synthetic scene beside its file, each of shape (rows, columns)."""

    truth: Mask  # cloud
    land: Mask
    snow: Mask

    @property
    def surface(self) -> npt.NDArray[np.intp]:
        """Places in `SURFACES`; snow and ice on land and sea are snow."""
        return np.where(self.snow, 3, np.where(self.land, 2, 1))


def read_hidden(path: Path, shape: tuple[int, int]) -> Hidden | None:
    """Read the hidden truth of a scene; None where there is none, as for real scenes.

    Raises
    ------
    CloudmaskError
        If the file is damaged, or of another shape than the scene.
    """
    if not path.is_file():
        return None
    try:
        with h5py.File(path, "r", locking=False) as file:
            found = [np.asarray(file[name][...] > 0) for name in ("truth", "land", "snow")]
    except (OSError, KeyError, AttributeError, TypeError) as error:
        raise CloudmaskError(f"{path}: not a scene's hidden truth: {error}") from None
    if {array.shape for array in found} != {shape}:
        raise CloudmaskError(f"{path}: has another shape than its scene of {shape[0]} x {shape[1]} pixels")
    return Hidden(*found)


def edges(scene: Scene, distance: int = EDGE) -> Mask:
    """Tell which pixels are at most so many rows and columns away from a valid pixel of the other class.

    Edges of cloud are where a mask is least certain; the label itself errs there.
    """
    return _spread(scene.cloud & scene.valid, distance) & _spread(~scene.cloud & scene.valid, distance)


def _spread(mask: Mask, distance: int) -> Mask:
    for axis in (0, 1):
        mask = _spread_along(np.moveaxis(mask, axis, 0), distance)
        mask = np.moveaxis(mask, 0, axis)
    return mask


def _spread_along(mask: Mask, distance: int) -> Mask:
    found = mask.copy()
    for step in range(1, min(distance, len(mask) - 1) + 1):
        found[step:] |= mask[:-step]
        found[:-step] |= mask[step:]
    return found
