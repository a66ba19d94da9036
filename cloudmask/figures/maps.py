"""Maps of a scene: the picture, the label, the probability of cloud, and their differences."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cloudmask.data.hdf5 import Scene
from cloudmask.data.patches import NAMES
from cloudmask.figures.style import SKY, VERMILLION, new_figure, png
from cloudmask.scoring.histograms import HALF, Bins
from cloudmask.scoring.metrics import MIDDLES

# From dark to bright, so that they also differ in grayscale.
CLASSES = {
    "outside the swath": "#000000",
    "clear": "#1B2D40",
    "missed cloud": VERMILLION,
    "false cloud": SKY,
    "cloud": "#F2F2F2",
}
FILL, CLEAR, MISSED, FALSE, CLOUD = range(len(CLASSES))
NATURAL = ("S5", "S3", "S2")  # 1.61, 0.865 and 0.659 um as red, green and blue
THERMAL = "S8"


@dataclass(frozen=True)
class Shown:
    """A scene to draw.

    Attributes
    ----------
    bins : ndarray of uint8, shape (rows, columns)
        The probability of cloud, from `cloudmask.scoring.histograms.quantize`.
    """

    name: str
    scene: Scene
    bins: Bins


def draw_scene(shown: Shown, title: str) -> bytes:
    """Draw four maps of a scene, with pixels of 1 km.

    By day the picture is EUMETSAT's composite of natural colors, 1.6, 0.87 and 0.66 um as red, green and blue: land is
    green or brown, water cloud white, ice and snow cyan. At night it is the temperature at 10.85 um, cold bright.
    """
    scene, rows = shown.scene, shown.scene.cloud.shape
    figure = new_figure(10.5, 0.9 + 10 * rows[0] / rows[1])
    maps = figure.subplots(2, 2, sharex=True, sharey=True)
    figure.suptitle(title)
    _picture(figure, maps[0, 0], scene)
    called = shown.bins >= HALF
    label = np.where(scene.cloud, CLOUD, CLEAR)
    differs = np.where(scene.cloud, MISSED, FALSE)
    _classes(maps[0, 1], np.where(scene.valid, label, FILL), "label (Bayesian mask)")
    _probability(figure, maps[1, 0], shown)
    _classes(
        maps[1, 1], np.where(scene.valid, np.where(called == scene.cloud, label, differs), FILL), "mask against label"
    )
    for axes in maps[1]:
        axes.set_xlabel("across the track (km)")
    for axes in maps[:, 0]:
        axes.set_ylabel("along the track (km)")
    handles = [Patch(facecolor=color, edgecolor="0.4", label=name) for name, color in CLASSES.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return png(figure)


def _classes(axes: Axes, classes: npt.NDArray[np.int_], title: str) -> None:
    colors = ListedColormap(list(CLASSES.values()))
    axes.imshow(classes, cmap=colors, vmin=0, vmax=len(CLASSES) - 1, interpolation="nearest")
    axes.set_title(title, fontsize=11)


def _probability(figure: Figure, axes: Axes, shown: Shown) -> None:
    probability = np.where(shown.scene.valid, MIDDLES[shown.bins], np.nan)
    drawn = axes.imshow(probability, cmap="cividis", vmin=0, vmax=1, interpolation="nearest")
    axes.set_facecolor("black")
    axes.set_title("probability of cloud", fontsize=11)
    figure.colorbar(drawn, ax=axes, shrink=0.85, pad=0.02, ticks=[0, 0.25, 0.5, 0.75, 1])


def _picture(figure: Figure, axes: Axes, scene: Scene) -> None:
    axes.set_facecolor("black")
    if scene.day:
        bands = scene.channels[..., [NAMES.index(name) for name in NATURAL]]
        axes.imshow(np.sqrt(np.clip(np.nan_to_num(bands), 0, 1)), interpolation="nearest")
        axes.set_title(f"natural colors ({', '.join(NATURAL)})", fontsize=11)
        return
    kelvin = np.where(scene.valid, scene.channels[..., NAMES.index(THERMAL)], np.nan)
    low, high = np.nanpercentile(kelvin, (1, 99))
    # The warmest pixels are dark gray; black is outside the swath.
    high += 0.2 * max(high - low, 5)
    drawn = axes.imshow(kelvin, cmap="gray_r", vmin=low, vmax=high, interpolation="nearest")
    axes.set_title(f"brightness temperature of {THERMAL} (K)", fontsize=11)
    figure.colorbar(drawn, ax=axes, shrink=0.85, pad=0.02)
