"""Curves and bars: training by epoch, reliability, ROC, accuracy by scene, and the cells of the confusion matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from cloudmask.figures.style import BLUE, LOOKS, PALE, SKY, VERMILLION, bare, new_figure, png
from cloudmask.scoring.metrics import GROUPS, Pairs, Table, auc, brier, ece, reliability, roc

LOSSES = {"cross_entropy": "loss (cross-entropy, nat)", "dice": "loss (Dice)"}


def draw_training(epochs: Sequence[Any], loss: str = "cross_entropy", kept: int | None = None) -> bytes:
    """Draw loss and accuracy by epoch, for training and validation.

    Parameters
    ----------
    epochs : sequence of Epoch
        The lines of history.csv.
    loss : str
        The parameter `loss`.
    kept : int, optional
        The epoch whose weights are used, to be marked.
    """
    figure = new_figure(9, 3.6)
    labels = {"loss": LOSSES.get(loss, "loss"), "accuracy": "accuracy (share of valid pixels)"}
    numbers = [epoch.epoch for epoch in epochs]
    for axes, (name, label) in zip(figure.subplots(1, 2), labels.items(), strict=True):
        marker = {"markersize": 4, "markevery": max(len(numbers) // 25, 1)}
        axes.plot(numbers, [getattr(epoch, name) for epoch in epochs], "o-", color=BLUE, label="training", **marker)
        validation = [getattr(epoch, f"val_{name}") for epoch in epochs]
        axes.plot(numbers, validation, "s--", color=VERMILLION, label="validation", **marker)
        if kept is not None:
            axes.axvline(kept, color=PALE, linewidth=1, zorder=0, label="weights that are used")
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        bare(axes)
    axes.legend(frameon=False)
    return png(figure)


Array = npt.NDArray[np.float64]
FEW = 0.001  # groups with a smaller share of the pixels are drawn without a marker


def _line(axes: Axes, name: str, x: Array, y: Array, **more: Any) -> None:
    look = LOOKS[name]
    axes.plot(x, y, look.line, color=look.color, linewidth=1.8, **more)


def draw_reliability(methods: Mapping[str, Pairs], titles: Mapping[str, str]) -> bytes:
    """Draw a reliability diagram, and below it the histogram of the probabilities.

    Parameters
    ----------
    methods : mapping of ndarray, each of shape (2, 256)
        Pixels by label and probability, of the methods that give probabilities.
    titles : mapping of str
        Display names of the methods.
    """
    figure = new_figure(6, 6.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color=PALE, linewidth=1, label="perfect")
    above.set_title(f"Reliability on the held-out scenes, in {GROUPS} groups", fontsize=11)
    edges = np.linspace(0, 1, GROUPS + 1)
    for name, pairs in methods.items():
        diagram, look = reliability(pairs), LOOKS[name]
        share = diagram.pixels / max(diagram.pixels.sum(), 1)
        label = f"{titles[name]}: Brier {float(brier(pairs)):.3f}, ECE {float(ece(pairs)):.3f}"
        sure = np.flatnonzero(share >= FEW).tolist()
        marked = {"marker": look.marker, "markersize": 5, "markevery": sure} if sure else {}
        _line(above, name, diagram.forecast, diagram.observed, label=label, **marked)
        below.stairs(share, edges, color=look.color, linestyle=look.line, linewidth=1.8)
    above.set(ylabel="observed frequency of cloud", ylim=(-0.02, 1.02), xlim=(0, 1))
    below.set(ylabel="share of pixels", xlabel="probability of cloud")
    above.legend(frameon=False, fontsize=9, loc="upper left")
    for axes in (above, below):
        bare(axes)
    return png(figure)


def draw_roc(methods: Mapping[str, Pairs], soft: Mapping[str, bool], titles: Mapping[str, str]) -> bytes:
    """Draw the ROC curve of each method, and its mask as a point.

    Parameters
    ----------
    methods : mapping of ndarray, each of shape (2, 256)
    soft : mapping of bool
        Whether a method gives probabilities; if not, only its point is drawn.
    titles : mapping of str
        Display names of the methods.
    """
    figure = new_figure(6, 6.2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=1)
    axes.set_title("Relative operating characteristic on the held-out scenes", fontsize=11)
    axes.annotate("chance", (0.5, 0.47), color="0.4", rotation=45, fontsize=9)
    for name, pairs in methods.items():
        look, table, label = LOOKS[name], Table.of(pairs), titles[name]
        if soft[name]:
            label += f": AUC {float(auc(pairs)):.3f}"
            _line(axes, name, *roc(pairs))
        axes.plot(
            table.pofd,
            table.pod,
            linestyle=look.line if soft[name] else "none",
            marker=look.marker,
            markersize=9,
            color=look.color,
            markeredgecolor="white",
            label=label,
            clip_on=False,
            zorder=3,
        )
    axes.set(
        xlabel="probability of false detection (POFD)",
        ylabel="probability of detection (POD)",
        xlim=(0, 1),
        ylim=(0, 1.01),
        aspect="equal",
    )
    bare(axes)
    axes.legend(frameon=False, fontsize=9, loc="lower right", title="marker: mask at p > 0.5", title_fontsize=9)
    return png(figure)


def draw_spectrum(methods: Mapping[str, Array], day: npt.NDArray[np.bool_], titles: Mapping[str, str]) -> bytes:
    """Draw the accuracy of each scene, sorted by that of the network; night scenes are shaded.

    Parameters
    ----------
    methods : mapping of ndarray, each of shape (n,)
        Accuracy by scene; the first is the network's.
    day : ndarray of bool, shape (n,)
    titles : mapping of str
        Display names of the methods.
    """
    order = np.argsort(-next(iter(methods.values())), kind="stable")
    rank = np.arange(1, len(order) + 1)
    figure = new_figure(9, 4.4)
    axes = figure.subplots()
    axes.set_title("Accuracy of each held-out scene", fontsize=11)
    for place in rank[~day[order]]:
        axes.axvspan(place - 0.5, place + 0.5, color="0.9", linewidth=0)
    axes.axvspan(-9, -8, color="0.9", label="night scene")
    for name, accuracy in reversed(list(methods.items())):
        strong = name == next(iter(methods))
        label = f"{titles[name]}: mean {accuracy.mean():.3f}"
        size = 6 if strong else 4
        _line(axes, name, rank.astype(float), accuracy[order], marker=LOOKS[name].marker, markersize=size, label=label)
    low = min(float(np.nanmin(accuracy)) for accuracy in methods.values())
    axes.set(
        xlabel="scene, by rank of the network",
        ylabel="accuracy (share of valid pixels)",
        xlim=(0.5, len(rank) + 0.5),
        ylim=(max(low - 0.03, -0.02), 1.01),
    )
    axes.set_xticks(rank if len(rank) <= 20 else np.unique([1, *range(10, len(rank) + 1, 10)]))
    bare(axes, "y")
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles[1:][::-1] + handles[:1], labels[1:][::-1] + labels[:1], loc="outside right upper", frameon=False
    )
    return png(figure)


# Cell of the table: name, color, color of the text, hatching.
CELLS = {
    "hits": ("cloud found", "#F2F2F2", "black", ""),
    "misses": ("cloud missed", VERMILLION, "white", "//"),
    "false_alarms": ("clear called cloud", SKY, "black", ".."),
    "clear": ("clear found", "#1B2D40", "white", ""),
}
WIDE = 0.035  # narrower bars have no number


def draw_confusion(strata: Mapping[str, Pairs]) -> bytes:
    """Draw the shares of the four cells of the confusion matrix for each stratum.

    Parameters
    ----------
    strata : mapping of ndarray, each of shape (2, 256)
        Pixels by label and probability.
    """
    tables = {name: Table.of(pairs) for name, pairs in strata.items()}
    figure = new_figure(9, 1.5 + 0.42 * len(tables))
    axes = figure.subplots()
    left = np.zeros(len(tables))
    for cell, (label, color, ink, hatch) in CELLS.items():
        share = np.array([float(getattr(table, cell) / table.pixels) for table in tables.values()])
        axes.barh(
            range(len(tables)), share, left=left, color=color, label=label, hatch=hatch, edgecolor="0.3", linewidth=0.6
        )
        for place in np.flatnonzero(share >= WIDE).tolist():
            middle = left[place] + share[place] / 2
            # A background in the color of the bar covers the hatching behind the number.
            box = {"facecolor": color, "edgecolor": "none", "pad": 1}
            axes.text(middle, place, f"{share[place]:.0%}", ha="center", va="center", color=ink, fontsize=9, bbox=box)
        left += share
    names = [
        f"{name} ({float(table.pixels):,.0f} px, accuracy {float(table.accuracy):.3f})"
        for name, table in tables.items()
    ]
    axes.set_yticks(range(len(tables)), names)
    axes.invert_yaxis()
    axes.set(xlabel="share of the stratum's valid pixels", xlim=(0, 1))
    bare(axes, "x")
    figure.suptitle("Mask of the network on the held-out scenes", fontsize=11)
    figure.legend(loc="outside lower center", ncols=len(CELLS), frameon=False)
    return png(figure)
