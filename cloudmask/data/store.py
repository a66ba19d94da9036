"""The stage `store`: cut the training scenes into patches, once for all experiments.

One scene is in memory at a time. The arrays are renamed when all are written, and store.json is written last.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from cloudmask.console import report, say
from cloudmask.data.arrays import ArrayWriter, Entry, open_arrays
from cloudmask.data.compatibility import OWN, UPSTREAM, is_upstream
from cloudmask.data.hdf5 import read_scene, scene_shape
from cloudmask.data.patches import CHANNELS, CLOUD, DIVISOR, NAMES, SCALE, VALID, Patches, channel_names, count, cut
from cloudmask.data.scenes import Catalogue, read_catalogue, tolerated
from cloudmask.errors import CloudmaskError, InputError
from cloudmask.files import read_json, whole, write_json
from cloudmask.settings import Settings

FILE = "store.json"
FORMAT = 2
Subset = Literal["training", "validation"]


def split(scenes: list[Path], validation: float, seed: int) -> dict[Subset, list[Path]]:
    """Split by scene, since patches of one scene are too similar to be in both subsets.

    Parameters
    ----------
    validation : float
        Fraction for validation; each subset gets at least one scene.

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


def _counts(scenes: list[Path], settings: Settings) -> dict[Path, int]:
    """Return the number of patches of each usable scene without reading its pixels."""
    counts = {}
    for path in scenes:
        shape = None
        with tolerated(settings.damaged):
            shape = scene_shape(path)
        if shape is None:
            continue
        if settings.patch > min(shape):
            raise InputError(
                f"patch: {settings.patch} is larger than the scene {path} of {shape[0]} x {shape[1]} pixels"
            )
        counts[path] = count(shape, settings.patch, settings.compatibility)
    return counts


def _check_room(folder: Path, patches: int, settings: Settings) -> None:
    """Raise InputError if the patches do not fit on the disk."""
    pixel = CHANNELS * _image_type(settings).itemsize + 1
    needed, free = patches * settings.patch**2 * pixel, shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(f"{folder}: {patches} patches need {needed / 1e9:.1f} GB, {free / 1e9:.1f} GB are free")


def _image_type(settings: Settings) -> np.dtype[Any]:
    return np.dtype(np.float32 if is_upstream(settings.compatibility) else np.int16)


@dataclass(frozen=True)
class Written:
    """A written subset: its arrays by file name and its scenes in order."""

    arrays: dict[str, Entry]
    scenes: list[str]


def _write_subset(parts: dict[str, Path], counts: dict[Path, int], subset: Subset, settings: Settings) -> Written:
    """Write the patches of one subset to temporary files, one scene in memory at a time."""
    total, patch = sum(counts.values()), settings.patch
    images = ArrayWriter(parts[file_name(subset, "images")], (total, patch, patch, CHANNELS), _image_type(settings))
    labels = ArrayWriter(parts[file_name(subset, "labels")], (total, patch, patch), np.uint8)
    scenes, classes = [], 0
    for path in counts:
        piece = None
        with tolerated(settings.damaged):
            piece = cut(read_scene(path), patch, settings.compatibility)
        if piece is None:
            continue
        images.append(piece.images)
        labels.append(piece.labels)
        scenes.append(path.name)
        classes |= (content := _classes(piece.labels))
        say(f"{subset}: {len(piece.labels)} patches of {path.name}{_ONE_CLASS.get(content, '')}")
    _check_content(subset, scenes, classes)
    entries = {file_name(subset, "images"): images.finish(), file_name(subset, "labels"): labels.finish()}
    return Written(entries, scenes)


_CLEAR, _CLOUDY = 1, 2
_ONE_CLASS = {_CLEAR: ", all clear", _CLOUDY: ", all cloud"}


def _classes(labels: npt.NDArray[np.uint8]) -> int:
    """Return the classes of the valid pixels as a bit mask."""
    valid = labels[labels & VALID > 0] & CLOUD > 0
    return _CLEAR * bool(not valid.all()) | _CLOUDY * bool(valid.any())


def _check_content(subset: Subset, scenes: list[str], classes: int) -> None:
    if not scenes:
        raise CloudmaskError(f"no scene for {subset} can be used")
    if subset == "training" and classes in _ONE_CLASS:
        only = _ONE_CLASS[classes].removeprefix(", all ")
        raise CloudmaskError(f"all pixels for training are {only}: there is nothing to learn")


def run(settings: Settings, scenes: Path) -> None:
    """Write the store into the current folder atomically; store.json, which describes it, is written last.

    If the folder already has the same store, it is checked and kept.

    Raises
    ------
    InputError
        If the patch does not fit the network or a scene, there are fewer than two training scenes, the disk has too
        little space, or the folder has another store.
    CloudmaskError
        If a scene is damaged and the parameter `damaged` is ``refuse``, all pixels for training are of one class, or
        the disk is full.
    """
    if settings.patch % DIVISOR:
        raise InputError(f"patch: {settings.patch} is not a multiple of {DIVISOR}")
    folder = Path.cwd()
    catalogue = read_catalogue(scenes)
    subsets = split(catalogue.files("training"), settings.validation, settings.data_seed)
    recipe = _recipe(settings, catalogue, subsets)
    if (folder / FILE).exists():
        _check_same(folder, recipe)
        return
    counts = {subset: _counts(paths, settings) for subset, paths in subsets.items()}
    _check_room(folder, sum(sum(counted.values()) for counted in counts.values()), settings)
    written = {}
    with ExitStack() as stack:
        names = [file_name(subset, kind) for subset in subsets for kind in ("images", "labels")]
        parts = {name: stack.enter_context(whole(folder / name)) for name in names}
        for done, subset in enumerate(subsets, start=1):
            written[subset] = _write_subset(parts, counts[subset], subset, settings)
            report(100 * done / len(subsets), f"{subset} patches written")
    write_json(folder / FILE, _description(recipe, settings, written))


def _recipe(settings: Settings, catalogue: Catalogue, subsets: dict[Subset, list[Path]]) -> dict[str, Any]:
    """Return the parameters and scenes that determine the content of a store."""
    names = {subset: [path.name for path in paths] for subset, paths in subsets.items()}
    sizes = sum(entry.bytes for entry in catalogue.entries if entry.part == "training")
    chosen = {name: getattr(settings, name) for name in ("patch", "compatibility", "damaged")}
    return {"format": FORMAT, **chosen, "made": catalogue.made, "listed": names, "listed_bytes": sizes}


def _description(recipe: dict[str, Any], settings: Settings, written: dict[Subset, Written]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "patch": settings.patch,
        "scale": SCALE,
        "channels": channel_names(settings.compatibility),
        "patches": {subset: part.arrays[file_name(subset, "labels")].shape[0] for subset, part in written.items()},
        "scenes": {subset: part.scenes for subset, part in written.items()},
        "arrays": {name: asdict(entry) for part in written.values() for name, entry in part.arrays.items()},
        "recipe": recipe,
    }


def _check_same(folder: Path, recipe: dict[str, Any]) -> None:
    if read_description(folder).get("recipe") != recipe:
        raise InputError(f"{folder}: holds a store of other scenes or parameters; choose another folder")
    for subset in get_args(Subset):
        open_patches(folder, subset)
    say(f"{folder}: the store is there already, and whole")


def file_name(subset: Subset, kind: Literal["images", "labels"]) -> str:
    """Return the name of an array file."""
    return f"{subset}_{kind}.npy"


def read_description(folder: Path) -> dict[str, Any]:
    """Read store.json; raises what `open_patches` raises."""
    content = read_json(folder / FILE)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise CloudmaskError(f"{folder / FILE}: not a store of format {FORMAT}; run the stage store anew")
    channels = content.get("channels")
    if channels not in (channel_names(OWN), channel_names(UPSTREAM)):
        names = " ".join(map(str, channels)) if isinstance(channels, list) else "none"
        raise CloudmaskError(f"{folder / FILE}: a store of other channels ({names}) than {' '.join(NAMES)}")
    return content


def open_patches(folder: Path, subset: Subset, ways: str | None = None) -> Patches:
    """Check and open the patches of one subset as memory maps, see `cloudmask.data.arrays.open_arrays`.

    Parameters
    ----------
    ways : str, optional
        The required `compatibility` of the store, which determines the order of the channels.

    Raises
    ------
    InputError
        If the folder has no finished store, or it was made with the other `compatibility`.
    CloudmaskError
        If the store has other channels or another format, or a file is damaged.
    """
    content = read_description(folder)
    if ways and content["channels"] != channel_names(ways):
        other = OWN if is_upstream(ways) else UPSTREAM
        raise InputError(f"compatibility: {ways}, but {folder} was made with {other}; run the stage store anew")
    names = [file_name(subset, kind) for kind in ("images", "labels")]
    try:
        entries = {name: Entry.read(content["arrays"][name]) for name in names}
    except (KeyError, TypeError, ValueError):
        raise CloudmaskError(f"{folder / FILE}: does not describe {' and '.join(names)}") from None
    images, labels = open_arrays(folder, entries)
    return Patches(images, labels)
