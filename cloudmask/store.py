"""The stage `store`: patches of the training scenes, prepared once and shared by all experiments.

Images are int16, half the size of float32, with steps of 0.0027 K and 0.00012 in reflectance; a gather of shuffled
patches from the memory map replaces the reading of scenes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from numpy.lib.format import open_memmap

from cloudmask.catalogue import read_catalogue
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.files import beside, read_json, write_json
from cloudmask.hdf5 import Scene, read_scene, scene_shape
from cloudmask.progress import report, say
from cloudmask.settings import Settings

FILE = "store.json"
SCALE = 8192  # int16 = normalised value x SCALE, so +-4: 182..358 K, reflectance to 4.5
CLOUD, VALID = 1, 2  # bits of a label
DIVISOR = 8  # three poolings halve a patch three times
_OFFSET = np.array([270.0] * 3 + [0.5] * 6, dtype=np.float32)
_SPREAD = np.array([22.0] * 3 + [1.0] * 6, dtype=np.float32)

Subset = Literal["training", "validation"]


@dataclass(frozen=True)
class Patches:
    """Patches of one subset.

    Attributes
    ----------
    images : ndarray of int16, shape (n, patch, patch, 9)
        Normalised channels times `SCALE`; 0 where not valid.
    labels : ndarray of uint8, shape (n, patch, patch)
        Bit `CLOUD` and bit `VALID`.
    """

    images: npt.NDArray[np.int16]
    labels: npt.NDArray[np.uint8]


def normalise(scene: Scene) -> npt.NDArray[np.float32]:
    """Scale channels as the reference does: (T - 270 K) / 22 K and reflectance - 0.5; 0 where not valid."""
    return np.where(scene.valid[..., None], (scene.channels - _OFFSET) / _SPREAD, np.float32(0))


def split(scenes: list[Path], validation: float, seed: int) -> dict[Subset, list[Path]]:
    """Split by scene, whatever the order of the list: patches of a scene are too alike to be on both sides.

    Parameters
    ----------
    validation : float
        Fraction for validation; each side gets at least one scene.

    Examples
    --------
    >>> {name: len(part) for name, part in split([Path(f"{i}") for i in range(10)], 0.2, 1).items()}
    {'training': 8, 'validation': 2}
    """
    if len(scenes) < 2:
        raise InputError("at least 2 training scenes are needed, one of them for validation")
    ordered = sorted(scenes, key=lambda path: (path.name, path.as_posix()))
    order = np.random.default_rng(seed).permutation(len(ordered))
    held = min(max(round(validation * len(ordered)), 1), len(ordered) - 1)
    return {
        "training": [ordered[index] for index in sorted(order[held:])],
        "validation": [ordered[index] for index in sorted(order[:held])],
    }


def corners(size: int, patch: int) -> list[int]:
    """Give where patches start along an axis: as few as cover it, evenly spread, the last at the end.

    >>> corners(600, 256)
    [0, 172, 344]
    """
    return [int(start) for start in np.linspace(0, size - patch, -(-size // patch)).round()]


def cut(scene: Scene, patch: int) -> Patches:
    """Cut a scene into patches that cover all of it."""
    images = np.clip((normalise(scene) * SCALE).round(), -32768, 32767).astype(np.int16)
    labels = scene.cloud * np.uint8(CLOUD) | scene.valid * np.uint8(VALID)
    rows, columns = labels.shape
    windows = [
        np.s_[top : top + patch, left : left + patch]
        for top in corners(rows, patch)
        for left in corners(columns, patch)
    ]
    return Patches(np.stack([images[w] for w in windows]), np.stack([labels[w] for w in windows]))


def _write_subset(folder: Path, subset: Subset, scenes: list[Path], patch: int) -> int:
    """Write the patches of one subset through memory maps, one scene in memory at a time; give their number."""
    shapes = {path: scene_shape(path) for path in scenes}
    for path, shape in shapes.items():
        if patch > min(shape):
            raise InputError(f"patch: {patch} is larger than the scene {path} of {shape[0]} x {shape[1]} pixels")
    total = sum(len(corners(rows, patch)) * len(corners(columns, patch)) for rows, columns in shapes.values())
    targets = {kind: folder / f"{subset}_{kind}.npy" for kind in ("images", "labels")}
    images = open_memmap(beside(targets["images"]), "w+", np.int16, (total, patch, patch, 9))
    labels = open_memmap(beside(targets["labels"]), "w+", np.uint8, (total, patch, patch))
    filled = 0
    for path in scenes:
        piece = cut(read_scene(path), patch)
        images[filled : filled + len(piece.images)] = piece.images
        labels[filled : filled + len(piece.labels)] = piece.labels
        filled += len(piece.labels)
        say(f"{subset}: {len(piece.labels)} patches of {path.name}")
    for file in (images, labels):
        file.flush()
    for target in targets.values():
        beside(target).replace(target)
    return total


def run(settings: Settings, scenes: Path) -> None:
    """Write the store into the current folder; store.json comes last and says what is in it.

    Raises
    ------
    InputError
        If the patch does not fit the network or a scene, or there are fewer than two training scenes.
    CloudmaskError
        If a scene is damaged or foreign.
    """
    if settings.patch % DIVISOR:
        raise InputError(f"patch: {settings.patch} is not a multiple of {DIVISOR}")
    subsets = split(read_catalogue(scenes).files("training"), settings.validation, settings.data_seed)
    folder = Path.cwd()
    patches = {}
    for done, (subset, paths) in enumerate(subsets.items(), start=1):
        patches[subset] = _write_subset(folder, subset, paths, settings.patch)
        report(100 * done / len(subsets), f"{subset} patches written")
    names = {subset: [path.name for path in paths] for subset, paths in subsets.items()}
    write_json(
        folder / FILE, {"format": 1, "patch": settings.patch, "scale": SCALE, "patches": patches, "scenes": names}
    )


def open_patches(folder: Path, subset: Subset) -> Patches:
    """Open the patches of one subset as memory maps.

    Raises
    ------
    InputError
        If the folder holds no finished store.
    CloudmaskError
        If a file of it is damaged.
    """
    read_json(folder / FILE)
    arrays = []
    for kind in ("images", "labels"):
        path = folder / f"{subset}_{kind}.npy"
        try:
            arrays.append(np.load(path, mmap_mode="r"))
        except (OSError, ValueError) as error:
            raise CloudmaskError(f"{path}: not a whole array: {error}") from None
    return Patches(*arrays)
