"""The figures of an experiment, as PNG files in memory.

The colors are distinct for every common form of color vision (Okabe and Ito 2008, Color Universal
Design), and lines, markers and brightness tell the same story in gray.
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
