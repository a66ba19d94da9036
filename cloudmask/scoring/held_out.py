"""The held-out scenes, one in memory at a time, with the known properties of their pixels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cloudmask.data.compatibility import is_upstream, whole
from cloudmask.data.hdf5 import Scene, read_scene
from cloudmask.data.scenes import read_catalogue, tolerated
from cloudmask.errors import CloudmaskError
from cloudmask.scoring.histograms import Ground, read_hidden
from cloudmask.settings import Settings


@dataclass(frozen=True)
class Held:
    """A scene for inference, and the number of scenes read so far and in total."""

    scene: Scene
    ground: Ground
    done: int
    total: int


def held_out(settings: Settings, folder: Path) -> Iterator[Held]:
    """Yield the scenes for inference in order; skip and report scenes without valid pixels.

    With ``compatibility: upstream`` all pixels of a scene are valid.

    Parameters
    ----------
    folder : Path
        The folder of the stage `scenes`. The hidden truth of a scene, if there is one, is the file of the same name in
        ``truth/inference/``.

    Raises
    ------
    InputError
        If the folder has no catalogue.
    CloudmaskError
        If a scene is damaged and the parameter `damaged` is ``refuse``, or no scene is usable.
    """
    catalogue = read_catalogue(folder)
    files, is_any_usable = catalogue.files("inference"), False
    for done, file in enumerate(files, start=1):
        scene = None
        with tolerated(settings.damaged):
            scene = read_scene(file)
        if scene is None:
            continue
        if is_upstream(settings.compatibility):
            scene = whole(scene)
        hidden = read_hidden(catalogue.folder / "truth" / "inference" / file.name, scene.cloud.shape)
        is_any_usable = True
        yield Held(scene, Ground.of(short_name(file), scene, hidden), done, len(files))
    if not is_any_usable:
        raise CloudmaskError(f"{catalogue.folder}: no scene for inference can be used: there is nothing to score")


def short_name(file: Path) -> str:
    """Return satellite and start time from the file name of a scene, or the whole name if it has none.

    >>> short_name(Path("S3A_SL_1_RBT____20191001T113221_20191001T113521_0179_LN2_O_NT_003.hdf"))
    'S3A 20191001T113221'
    """
    match = re.match(r"(S3[AB])_SL_1_RBT_+(\d{8}T\d{6})_", file.name)
    return " ".join(match.groups()) if match else file.stem
