"""Curves of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.ticker import MaxNLocator

from cloudmask.figures.style import BLUE, PALE, VERMILLION, bare, new_figure, png

LOSSES = {"cross_entropy": "loss (cross-entropy, nat)", "dice": "loss (Dice)"}


def draw_training(epochs: Sequence[Any], loss: str = "cross_entropy", kept: int | None = None) -> bytes:
    """Draw loss and accuracy by epoch, for training and validation.

    Parameters
    ----------
    epochs : sequence of Epoch
        The lines of history.csv.
    loss : str
        The parameter of that name.
    kept : int, optional
        The epoch whose weights are used, if it is to be marked.
    """
    figure = new_figure(9, 3.6)
    labels = {"loss": LOSSES.get(loss, "loss"), "accuracy": "accuracy (share of valid pixels)"}
    at = [epoch.epoch for epoch in epochs]
    for axes, (name, label) in zip(figure.subplots(1, 2), labels.items(), strict=True):
        marker = {"markersize": 4, "markevery": max(len(at) // 25, 1)}
        axes.plot(at, [getattr(epoch, name) for epoch in epochs], "o-", color=BLUE, label="training", **marker)
        held = [getattr(epoch, f"val_{name}") for epoch in epochs]
        axes.plot(at, held, "s--", color=VERMILLION, label="validation", **marker)
        if kept is not None:
            axes.axvline(kept, color=PALE, linewidth=1, zorder=0, label="weights that are used")
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        bare(axes)
    axes.legend(frameon=False)
    return png(figure)
