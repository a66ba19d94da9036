"""What the figures share: colors, the look of a method, paper and ink."""

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
    """How a method is drawn, the same in every figure."""

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
    """Make an empty figure, in inches, which arranges its parts by itself."""
    return Figure(figsize=(width, height), layout="constrained")


def bare(axes: Axes, grid: Literal["both", "x", "y"] = "both") -> None:
    """Remove the frame's upper and right edges and add a pale grid."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=grid, alpha=0.3, linewidth=0.6)
    axes.set_axisbelow(True)


def png(figure: Figure) -> bytes:
    """Return a figure as a PNG file; the same figure gives the same bytes."""
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=DPI, metadata={"Software": None})
    return data.getvalue()
