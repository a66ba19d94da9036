"""Random fields with power-law spectra: the texture of clouds, land and temperature.

Wavelengths are in pixels, one pixel being 1 km, so texture does not depend on the size of the scene.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.float32]


def power_law(rng: np.random.Generator, shape: tuple[int, int], beta: float, outer: float = 2000.0) -> Field:
    """Draw an isotropic Gaussian field whose power falls as k^-beta.

    Parameters
    ----------
    rng : numpy.random.Generator
        Source of chance.
    shape : tuple of int
        Rows and columns.
    beta : float
        Slope of the two-dimensional spectrum: 1.6 is rough, 3 is smooth.
    outer : float
        Longest wavelength, in pixels, that still gains power; beyond it the spectrum is flat.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Zero mean, unit variance.

    Examples
    --------
    >>> field = power_law(np.random.default_rng(1), (64, 80), 2.2)
    >>> field.shape, abs(round(float(field.mean()), 3)), round(float(field.std()), 3)
    ((64, 80), 0.0, 1.0)
    """
    rows, columns = shape
    wavenumber = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.rfftfreq(columns)).astype(np.float32)
    amplitude = np.maximum(wavenumber, np.float32(1 / outer)) ** np.float32(-beta / 2)
    amplitude[0, 0] = 0
    # White noise drawn as its own spectrum saves the forward transform.
    white = rng.standard_normal((rows, columns // 2 + 1, 2), dtype=np.float32).view(np.complex64)[..., 0]
    field = np.fft.irfft2(white * amplitude, s=shape).astype(np.float32, copy=False)
    return np.asarray((field - field.mean()) / field.std())


def box_blur(field: Field) -> Field:
    """Return the mean over 3 x 3 pixels, edges repeated.

    >>> box_blur(np.eye(3, dtype=np.float32))[1, 1].round(3)
    np.float32(0.333)
    """
    rows = np.pad(field, 1, mode="edge")
    rows = rows[:-2] + rows[1:-1] + rows[2:]
    return (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / np.float32(9)
