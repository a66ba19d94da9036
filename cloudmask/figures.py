"""The two figures of an experiment, as PNG files in memory."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from cloudmask.hdf5 import Mask, Scene
from cloudmask.training import Epoch

# Okabe and Ito (2008): told apart with every common colour vision.
BLUE, ORANGE = "#0072B2", "#D55E00"
CLASSES = {
    "outside the swath": "#000000",
    "clear": "#2F4B6B",
    "cloud": "#F2F2F2",
    "cloud missed": "#E69F00",
    "false cloud": "#CC79A7",
}
DPI = 130
SNOW_RED, VEGETATION_GREEN, VISIBLE_BLUE = 7, 5, 3  # S5, S3 and S1 among the nine channels
S8 = 1


def _png(figure: Figure) -> bytes:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI)
    return data.getvalue()


def draw_training(epochs: list[Epoch]) -> bytes:
    """Draw loss and accuracy by epoch, for training and validation."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    at = [epoch.epoch for epoch in epochs]
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        axes.plot(at, [getattr(epoch, name) for epoch in epochs], "o-", color=BLUE, label="training")
        axes.plot(at, [getattr(epoch, f"val_{name}") for epoch in epochs], "s--", color=ORANGE, label="validation")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False)
    return _png(figure)


def draw_scene(scene: Scene, predicted: Mask, title: str) -> bytes:
    """Draw a scene, its mask and the prediction side by side; the prediction shows where the two differ.

    By day the picture is S5, S3 and S1 as red, green and blue, so that snow is cyan and cloud white; at night it is the
    temperature of S8, cold bright.
    """
    figure = Figure(figsize=(12, 4.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    figure.suptitle(title)
    picture, caption = _picture(scene)
    left.imshow(picture, cmap="gray", interpolation="nearest")
    same = np.where(scene.cloud, 2, 1)
    differs = np.where(scene.cloud, 3, 4)
    _classes(middle, np.where(scene.valid, same, 0))
    _classes(right, np.where(scene.valid, np.where(predicted == scene.cloud, same, differs), 0))
    for axes, name in ((left, caption), (middle, "mask"), (right, "prediction")):
        axes.set_title(name, fontsize=11)
        axes.set(xticks=[], yticks=[])
    handles = [Patch(facecolor=colour, edgecolor="0.4", label=name) for name, colour in CLASSES.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return _png(figure)


def _classes(axes: Axes, classes: npt.NDArray[np.int_]) -> None:
    colours = ListedColormap(list(CLASSES.values()))
    axes.imshow(classes, cmap=colours, vmin=0, vmax=len(CLASSES) - 1, interpolation="nearest")


def _picture(scene: Scene) -> tuple[npt.NDArray[np.float32], str]:
    if scene.day:
        bands = scene.channels[..., [SNOW_RED, VEGETATION_GREEN, VISIBLE_BLUE]]
        return np.sqrt(np.clip(bands, 0, 1)), "scene (S5, S3, S1)"
    cold = -scene.channels[..., S8]
    low, high = np.percentile(cold[scene.valid], (1, 99))
    return np.where(scene.valid, np.clip((cold - low) / max(high - low, 1), 0, 1), 0), "scene (S8, cold is bright)"
