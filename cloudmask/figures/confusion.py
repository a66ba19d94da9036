"""Where the network errs: the two-by-two table of each stratum."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cloudmask.figures.style import SKY, VERMILLION, bare, new_figure, png
from cloudmask.metrics import Pairs, Table

# Cell of the table: name, colour, colour of the number on it, hatching.
CELLS = {
    "hits": ("cloud found", "#F2F2F2", "black", ""),
    "misses": ("cloud missed", VERMILLION, "white", "//"),
    "false_alarms": ("clear called cloud", SKY, "black", ".."),
    "clear": ("clear found", "#1B2D40", "white", ""),
}
WIDE = 0.035  # a narrower bar has no room for its number


def draw_confusion(strata: Mapping[str, Pairs]) -> bytes:
    """Draw for each stratum which share of its pixels is found, missed and falsely found.

    Parameters
    ----------
    strata : mapping of ndarray, each of shape (2, 256)
        Pixels by label and probability.
    """
    tables = {name: Table.of(pairs) for name, pairs in strata.items()}
    figure = new_figure(9, 1.5 + 0.42 * len(tables))
    axes = figure.subplots()
    left = np.zeros(len(tables))
    for cell, (label, colour, ink, hatch) in CELLS.items():
        share = np.array([float(getattr(table, cell) / table.pixels) for table in tables.values()])
        axes.barh(
            range(len(tables)), share, left=left, color=colour, label=label, hatch=hatch, edgecolor="0.3", linewidth=0.6
        )
        for place in np.flatnonzero(share >= WIDE).tolist():
            at = left[place] + share[place] / 2
            # A ground of the bar's own colour keeps the hatching off the number.
            box = {"facecolor": colour, "edgecolor": "none", "pad": 1}
            axes.text(at, place, f"{share[place]:.0%}", ha="center", va="center", color=ink, fontsize=9, bbox=box)
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
