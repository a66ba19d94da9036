"""The common style of the figures: colors, line styles and markers."""

from __future__ import annotations

import io
from typing import Literal, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito (2008).
BLUE, VERMILLION, GREEN, PURPLE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"
INK, PALE = "#222222", "0.6"
DPI = 130


class Look(NamedTuple):
    """The style of a method, the same in all figures."""

    color: str
    line: str
    marker: str


LOOKS = {
    "network": Look(BLUE, "-", "o"),
    "boosting": Look(VERMILLION, "--", "s"),
    "logistic": Look(GREEN, "-.", "^"),
    "threshold": Look(PURPLE, ":", "D"),
    "always_cloud": Look(INK, ":", "X"),
}


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure with constrained layout; sizes are in inches."""
    return Figure(figsize=(width, height), layout="constrained")


def bare(axes: Axes, grid: Literal["both", "x", "y"] = "both") -> None:
    """Remove the top and right spines and add a light grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, alpha=0.3, linewidth=0.6)
    axes.set_axisbelow(True)


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG file; the bytes are reproducible."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI, metadata={"Software": None})
    return data.getvalue()
