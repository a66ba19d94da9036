"""Figures are drawn whatever there is to draw, and the same numbers give the same file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cloudmask.data.hdf5 import Scene, read_scene
from cloudmask.figures import (
    Shown,
    draw_confusion,
    draw_reliability,
    draw_roc,
    draw_scene,
    draw_spectrum,
    draw_training,
    style,
)
from cloudmask.figures.maps import CLASSES
from cloudmask.model.checkpoints import Epoch
from cloudmask.scoring.results import SOFT, TITLES

PNG = b"\x89PNG\r\n\x1a\n"


def grey(color: str) -> float:
    """Return what a color is on a printer without colors: ITU-R BT.601."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return 0.299 * red + 0.587 * green + 0.114 * blue


@pytest.fixture
def scene(scene_file: Path) -> Scene:
    return read_scene(scene_file)


def pairs(kind: str) -> np.ndarray:
    found = np.random.default_rng(1).integers(1, 900, (2, 256))
    if kind == "one class":
        found[0] = 0
    return np.zeros_like(found) if kind == "nothing" else found


kinds = pytest.mark.parametrize("kind", ["both classes", "one class", "nothing"])


@pytest.fixture(autouse=True)
def no_warning() -> Iterator[None]:
    """Make a figure that divides by zero or has no legend to show fail."""
    with np.errstate(all="raise"):
        yield


@pytest.mark.parametrize("epochs", [1, 40])
@pytest.mark.parametrize("kept", [None, 1])
def test_curves_are_drawn_for_any_number_of_epochs(epochs: int, kept: int | None) -> None:
    history = [Epoch(n + 1, 1 / (n + 1), 0.5, 0.9, 0.6, 1.0) for n in range(epochs)]
    assert draw_training(history, "dice", kept).startswith(PNG)


@pytest.mark.parametrize("day", [True, False])
def test_a_scene_is_drawn_by_day_and_at_night(scene: Scene, day: bool) -> None:
    if not day:
        scene.channels[..., 3:] = 0
    scene.channels[~scene.valid] = np.nan
    drawn = draw_scene(Shown("$x$ <title>", scene, np.where(scene.cloud, 0, 200).astype(np.uint8)), "$x$ <title>")
    assert drawn.startswith(PNG)


@kinds
def test_reliability_is_drawn(kind: str) -> None:
    assert draw_reliability({"network": pairs(kind), "boosting": pairs("both classes")}, TITLES).startswith(PNG)


@kinds
def test_the_roc_is_drawn(kind: str) -> None:
    assert draw_roc(dict.fromkeys(SOFT, pairs(kind)), SOFT, TITLES).startswith(PNG)


def test_confusion_is_drawn() -> None:
    assert draw_confusion({"all": pairs("both classes"), "snow": pairs("one class")}).startswith(PNG)


@pytest.mark.parametrize("scenes", [1, 3, 60])
@pytest.mark.parametrize("day", [True, False])
def test_the_spectrum_is_drawn(scenes: int, day: bool) -> None:
    accuracy = np.random.default_rng(scenes).random(scenes)
    drawn = draw_spectrum(dict.fromkeys(TITLES, accuracy), np.full(scenes, day), TITLES)
    assert drawn.startswith(PNG)


def test_the_same_numbers_give_the_same_file() -> None:
    once, again = (draw_confusion({"all": pairs("both classes")}) for _ in range(2))
    assert once == again


def test_classes_differ_in_grey() -> None:
    steps = np.diff([grey(colour) for colour in CLASSES.values()])
    assert (steps > 30).all()


def test_methods_differ_in_line_or_marker() -> None:
    looks = style.LOOKS.values()
    assert len({look.marker for look in looks}) == len({look.color for look in looks}) == len(looks)
    assert set(TITLES) == set(style.LOOKS)


def test_a_map_shows_every_pixel_of_a_small_scene(scene: Scene, tmp_path: Path) -> None:
    """The colour of missed cloud is in the picture where cloud is missed, and nowhere else."""
    perfect = np.where(scene.cloud, 255, 0).astype(np.uint8)
    missed = tuple(int(CLASSES["missed cloud"][place : place + 2], 16) for place in (1, 3, 5))

    def count(bins: np.ndarray) -> int:
        (tmp_path / "scene.png").write_bytes(draw_scene(Shown("scene", scene, bins), "scene"))
        drawn = np.asarray(Image.open(tmp_path / "scene.png").convert("RGB"))
        return int((drawn == missed).all(axis=-1).sum())

    legend = count(perfect)
    pixels = count(np.zeros_like(perfect)) - legend
    # Each pixel of the scene is many of the figure.
    assert pixels > 20 * (scene.cloud & scene.valid).sum()
