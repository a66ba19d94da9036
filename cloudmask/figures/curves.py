"""Curves that compare the network with the baselines: reliability, ROC, accuracy by scene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from cloudmask.figures.style import LOOKS, PALE, bare, new_figure, png
from cloudmask.metrics import GROUPS, Pairs, Table, auc, brier, ece, reliability, roc

Array = npt.NDArray[np.float64]
FEW = 0.001  # groups with a smaller share of the pixels say little; they are drawn without a marker


def _line(axes: Axes, name: str, x: Array, y: Array, **more: Any) -> None:
    look = LOOKS[name]
    axes.plot(x, y, look.line, color=look.colour, linewidth=1.8, **more)


def draw_reliability(methods: Mapping[str, Pairs], titles: Mapping[str, str]) -> bytes:
    """Draw how often it is cloudy where a method says so, and below how often it says what.

    Parameters
    ----------
    methods : mapping of ndarray, each of shape (2, 256)
        Pixels by label and probability of the methods that give probabilities.
    titles : mapping of str
        Their names for people.
    """
    figure = new_figure(6, 6.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    above.plot([0, 1], [0, 1], color=PALE, linewidth=1, label="perfect")
    above.set_title(f"Reliability on the held-out scenes, in {GROUPS} groups", fontsize=11)
    edges = np.linspace(0, 1, GROUPS + 1)
    for name, pairs in methods.items():
        found, look = reliability(pairs), LOOKS[name]
        share = found.pixels / max(found.pixels.sum(), 1)
        label = f"{titles[name]}: Brier {float(brier(pairs)):.3f}, ECE {float(ece(pairs)):.3f}"
        sure = np.flatnonzero(share >= FEW).tolist()
        marked = {"marker": look.marker, "markersize": 5, "markevery": sure} if sure else {}
        _line(above, name, found.forecast, found.observed, label=label, **marked)
        below.stairs(share, edges, color=look.colour, linestyle=look.line, linewidth=1.8)
    above.set(ylabel="observed frequency of cloud", ylim=(-0.02, 1.02), xlim=(0, 1))
    below.set(ylabel="share of pixels", xlabel="probability of cloud")
    above.legend(frameon=False, fontsize=9, loc="upper left")
    for axes in (above, below):
        bare(axes)
    return png(figure)


def draw_roc(methods: Mapping[str, Pairs], soft: Mapping[str, bool], titles: Mapping[str, str]) -> bytes:
    """Draw detection by false detection for all thresholds, and each method's own mask as a point.

    Parameters
    ----------
    methods : mapping of ndarray, each of shape (2, 256)
    soft : mapping of bool
        Whether a method gives probabilities; if not, it has a point and no curve.
    titles : mapping of str
        Names for people.
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
            color=look.colour,
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
    """Draw the accuracy of each scene, the scenes in the order of the network's; night is shaded.

    Parameters
    ----------
    methods : mapping of ndarray, each of shape (n,)
        Accuracy by scene; the first is the network's.
    day : ndarray of bool, shape (n,)
    titles : mapping of str
        Names for people.
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
