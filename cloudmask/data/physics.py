"""Random fields and simple radiative transfer for the channels of SLSTR.

The textures of clouds, land and temperature are fields with power-law spectra. Their wavelengths are in pixels of 1 km,
so the texture does not depend on the size of the scene. Channels S1 to S6 are reflectances, S7 to S9
brightness temperatures. Centers and noise follow ESA's radiometric table
(https://sentinel.esa.int/web/sentinel/user-guides/sentinel-3-slstr/resolutions/radiometric).
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
        Random generator.
    shape : tuple of int
        Rows and columns.
    beta : float
        Slope of the two-dimensional spectrum: 1.6 is rough, 3 is smooth.
    outer : float
        Outer scale in pixels; at longer wavelengths the spectrum is flat.

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
    # Drawing white noise in the spectral domain saves the forward transform.
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


Number = float | Field

# S1..S6 at 0.555, 0.659, 0.865, 1.375, 1.61 and 2.25 um.
SOLAR_WAVELENGTH = (0.555, 0.659, 0.865, 1.375, 1.61, 2.25)  # um
SOLAR_IRRADIANCE = (1837.0, 1526.0, 956.0, 366.0, 248.0, 78.0)  # W m-2 um-1
RAYLEIGH = (0.094, 0.046, 0.0155, 0.0024, 0.0013, 0.0003)  # optical depth of molecules
GAS = (0.88, 0.95, 0.96, 1.0, 0.97, 0.95)  # transmission of ozone and mixed gases, without vapor
CIRRUS_BAND = 3  # S4, where water vapor hides everything below about 6 km

THERMAL_WAVELENGTH = (3.74, 10.85, 12.0)  # um, S7..S9
THERMAL_NOISE = (0.05, 0.02, 0.02)  # K
VAPOR_ABSORPTION = (0.045, 0.07, 0.115)  # per g cm-2
CLOUD_EMISSION = (0.46, 0.48, 0.56)  # thermal per visible optical depth
S7_IRRADIANCE = 11.0  # W m-2 um-1
S7_SATURATION = 311.5  # K

_C1 = 1.191042e8  # 2 h c^2, W um^4 m-2 sr-1
_C2 = 1.4387752e4  # h c / k, um K


def planck(temperature: Number, wavelength: float) -> Field:
    """Return the radiance of a black body (W m-2 sr-1 um-1) at a temperature (K) and wavelength (um)."""
    return np.asarray(_C1 / wavelength**5 / np.expm1(_C2 / (wavelength * temperature)), dtype=np.float32)


def brightness_temperature(radiance: Field, wavelength: float) -> Field:
    """Return the temperature (K) of the black body with this radiance, the inverse of `planck`.

    >>> round(float(brightness_temperature(planck(280.0, 10.85), 10.85)), 2)
    280.0
    """
    return np.asarray(_C2 / (wavelength * np.log1p(_C1 / (wavelength**5 * radiance))), dtype=np.float32)


def layer(tau: Field, mu0: Number, ice: bool, band: int) -> tuple[Field, Field]:
    """Return reflectance and transmittance of a cloud by the two-stream approximation.

    R = w x / (mu0 + x) with x = 0.866 (1 - g) tau, g = 0.86 for water and 0.78 for ice, and a single-scattering albedo
    w below one in S5 and S6 only, where water and more so ice absorbs; T = 1 - x / (mu0 + x).
    """
    albedo = {4: 0.78 if ice else 0.93, 5: 0.50 if ice else 0.80}.get(band, 1.0)
    scattered = np.float32(0.866 * (0.22 if ice else 0.14)) * tau
    extinct = scattered / (mu0 + scattered)
    return np.float32(albedo) * extinct, 1 - extinct


def stack(reflectance: Field, transmittance: Field, below: Field) -> Field:
    """Return the reflectance of a layer above a surface, including multiple reflections."""
    return reflectance + transmittance**2 * below / (1 - reflectance * below)


def sun_glint(sun: Field, view: Field, wind: Number) -> Field:
    """Return the reflectance of sun glint on a rough sea, in the plane of sun and swath.

    Slopes after Cox and Munk (1954), variance 0.003 + 0.00512 U; Fresnel reflectance at normal incidence.

    Parameters
    ----------
    sun, view : ndarray
        Zenith angles in radians; the sign of the view's gives its side.
    wind : float or ndarray
        Speed in m/s.
    """
    variance = 0.003 + 0.00512 * wind
    tilt = (sun - view) / 2
    density = np.exp(-(np.tan(tilt) ** 2) / variance) / variance
    return np.asarray(0.0211 * density / (4 * np.cos(sun) * np.cos(view) * np.cos(tilt) ** 4), dtype=np.float32)


def bands(values: tuple[float, ...]) -> npt.NDArray[np.float32]:
    """Return one value per channel with shape (channels, 1, 1)."""
    return np.array(values, dtype=np.float32)[:, None, None]
