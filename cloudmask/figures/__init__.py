"""The figures of an experiment, as PNG files in memory.

The colors are distinct for every common form of color vision (Okabe and Ito 2008, Color Universal
Design). Line styles, markers and brightness keep the figures readable in grayscale.
"""

from cloudmask.figures.curves import draw_confusion, draw_reliability, draw_roc, draw_spectrum, draw_training
from cloudmask.figures.maps import Shown, draw_scene

__all__ = [
    "Shown",
    "draw_confusion",
    "draw_reliability",
    "draw_roc",
    "draw_scene",
    "draw_spectrum",
    "draw_training",
]
