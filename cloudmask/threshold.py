"""The baseline: two thresholds on single pixels, as a person would set them."""

from __future__ import annotations

import numpy as np

from cloudmask.hdf5 import Mask, Scene

COLD = 270.0  # K at 10.85 um (S8); clouds are colder than most ground
BRIGHT = 0.15  # reflectance at 1.375 um (S4), where water vapour hides the ground but not high cloud
S8, S4 = 1, 6  # places among the nine channels


def threshold_mask(scene: Scene) -> Mask:
    """Return the mask of a scene, shape (rows, columns): cloud is cold or bright.

    Of a grid of 13 temperatures in steps of 2 K and 9 reflectances from 0.03 to 0.3, this pair agreed best with the
    labels of 60 synthetic scenes of 600 x 750 pixels that were drawn for that purpose alone: accuracy 0.830.
    """
    return np.asarray((scene.channels[..., S8] < COLD) | (scene.channels[..., S4] > BRIGHT))
