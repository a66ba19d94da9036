"""Random weather, surface and clouds of a synthetic scene: the hidden truth behind the labels.

Three features make single pixels ambiguous but their neighborhoods informative: backgrounds that vary smoothly, within
and between scenes, by as much as thin cloud changes them (temperature, vapor, dust, a veil above the vapor, glint);
much cirrus with an optical depth near the threshold of the label; and pixel-scale roughness of clouds and land. They
are stronger than in nature. `benchmarks.calibration` measures the effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cloudmask.data.physics import Field, bands, box_blur, power_law

Mask = npt.NDArray[np.bool_]

OCEAN = (0.040, 0.022, 0.012, 0.001, 0.006, 0.003)  # reflectance in S1..S6
VEGETATION = (0.08, 0.05, 0.40, 0.0, 0.22, 0.10)
SOIL = (0.17, 0.24, 0.31, 0.0, 0.42, 0.38)
SNOW = (0.90, 0.88, 0.82, 0.0, 0.11, 0.05)
FREEZING_SEA = 271.3  # K


@dataclass(frozen=True)
class Conditions:
    """The conditions of a whole scene; the offsets make scenes differ like seasons and retrievals."""

    day: bool
    latitude: float  # degrees
    sun: float  # zenith angle at the center, degrees
    land: float  # fraction
    cover: float  # fraction of cloud, before layers overlap
    wind: float  # m/s
    warmth: float  # K
    aerosol: float  # reflectance added at 0.555 um
    fineness: float  # Angstrom exponent of the aerosol: about 0 for dust, 1 or more for smoke and sulfate
    veil: float  # reflectance of aerosol above the vapor, the same in all channels
    moisture: float  # factor on the column of water vapor


@dataclass(frozen=True)
class Surface:
    """The surface; fields have shape (rows, columns), `reflectance` (6, rows, columns)."""

    land: Mask
    snow: Mask
    reflectance: npt.NDArray[np.float32]
    temperature: Field  # skin, K
    wind: Field  # m/s
    vapor: Field  # column, g cm-2


@dataclass(frozen=True)
class Cloud:
    """A layer of cloud; fields have shape (rows, columns).

    The measured optical depth of a pixel differs from its mean: gaps, sunlit and shaded sides, and scattering from
    neighbors make it look thicker or thinner. Means over several pixels are unbiased.
    """

    tau: Field  # visible optical depth, mean of a pixel
    seen: Field  # apparent visible optical depth
    top: Field  # temperature of the top, K
    height: float  # km
    ice: bool


def draw_conditions(rng: np.random.Generator, day: bool) -> Conditions:
    """Draw the weather of a scene."""
    dust = rng.random() < 0.6
    return Conditions(
        day=day,
        latitude=rng.uniform(30, 57),
        sun=rng.uniform(25, 72) if day else rng.uniform(100, 150),
        land=rng.choice([0.0, 0.2, 0.5, 0.9]),
        cover=rng.beta(1.6, 1.2),
        wind=rng.uniform(2, 12),
        warmth=rng.uniform(-4, 4),
        aerosol=rng.uniform(0.03, 0.2) if dust else rng.uniform(0, 0.03),
        fineness=rng.uniform(0, 0.4) if dust else rng.uniform(0.8, 1.6),
        veil=rng.uniform(0, 0.04),
        moisture=rng.uniform(0.7, 1.3),
    )


def _logistic(x: Field) -> Field:
    return np.asarray(1 / (1 + np.exp(-x)), dtype=np.float32)


def _top_fraction(field: Field, fraction: float) -> Mask:
    """Return the mask of the given fraction of pixels with the highest values."""
    return np.asarray(field > np.quantile(field, 1 - fraction)) if fraction else np.zeros(field.shape, bool)


def draw_surface(rng: np.random.Generator, shape: tuple[int, int], weather: Conditions) -> Surface:
    """Draw coast, relief, snow and sea ice, skin temperature and water vapor."""
    polar = abs(weather.latitude)
    relief = power_law(rng, shape, 3.2)
    land = _top_fraction(relief, weather.land)
    height = np.where(land, np.maximum(power_law(rng, shape, 2.4) + 0.3, 0), 0).astype(np.float32)  # km
    arid = _logistic(1.5 * power_law(rng, shape, 2.6) + np.float32(1.5 - polar / 20))
    snow = (polar - 58) / 8 + 0.9 * height + power_law(rng, shape, 1.6, outer=300) > np.where(land, 0.6, 1.6)
    temperature = _skin_temperature(rng, weather, land, height, arid, snow)
    moist = np.exp(0.5 * power_law(rng, shape, 2.8) - (polar / 35) ** 2)
    vapor = np.clip(4.5 * weather.moisture * moist, 0.15, 6.5).astype(np.float32)
    texture = 1 + 0.25 * power_law(rng, shape, 1.3)
    season = np.exp(0.25 * rng.standard_normal() + 0.12 * rng.standard_normal((6, 1, 1))).astype(np.float32)
    ground = (bands(VEGETATION) * (1 - arid) + bands(SOIL) * arid) * season
    reflectance = np.where(land, ground, bands(OCEAN))
    reflectance = np.clip(np.where(snow, bands(SNOW), reflectance) * texture, 0, 0.98)
    wind = weather.wind * np.exp(0.3 * power_law(rng, shape, 2.8))
    return Surface(land, snow, reflectance, temperature, wind, vapor)


def _skin_temperature(
    rng: np.random.Generator, weather: Conditions, land: Mask, height: Field, arid: Field, snow: Mask
) -> Field:
    """Return the skin temperature (K): by latitude; on land also by daylight, height and aridity; snow is frozen."""
    shape = land.shape
    mean = 301 - 0.0095 * weather.latitude**2 + weather.warmth + 3 * power_law(rng, shape, 3.0, outer=600)
    sea = np.maximum(mean + 1.2 * power_law(rng, shape, 2.6), FREEZING_SEA)
    swing = 5 * (1 + 0.6 * arid) * (1 if weather.day else -1)
    ground = mean - 6 * height + swing + 2 * power_law(rng, shape, 2.6)
    skin = np.where(land, ground, sea)
    cold = np.minimum(skin, 270) - np.abs(2 * power_law(rng, shape, 1.6))
    return np.where(snow, cold, skin).astype(np.float32)


def _layer(
    rng: np.random.Generator,
    surface: Surface,
    uneven: Field,
    cover: float,
    height: float,
    spectrum: tuple[float, float],
    depth: tuple[float, float],
) -> Cloud:
    """Draw one layer: a field above its quantile, thin at the edges and blurred by a pixel.

    Parameters
    ----------
    uneven : ndarray
        Ratio of apparent to true optical depth.
    spectrum : tuple of float
        Slope and longest wavelength of the field (`power_law`).
    depth : tuple of float
        Mean and standard deviation of the logarithm of optical depth.
    """
    field = power_law(rng, surface.land.shape, *spectrum)
    inside = np.maximum(field - np.quantile(field, 1 - cover), 0)
    mean, deviation = depth
    variation = power_law(rng, field.shape, 2.2, outer=200)
    tau = np.exp(mean + deviation * variation) * (1 - np.exp(-inside / 0.3))
    top = surface.temperature - np.float32(6.3 * height)
    tau = box_blur(tau.astype(np.float32))
    return Cloud(tau, tau * uneven, top, height, ice=height > 7.5)


def draw_clouds(rng: np.random.Generator, surface: Surface, weather: Conditions) -> list[Cloud]:
    """Draw low, middle and high clouds, in this order.

    The low layer may be fog or stratus hardly colder than the ground; much of the high layer is cirrus with an optical
    depth below one. Thresholds on single pixels miss both, but their texture shows them.
    """
    low, middle, high = weather.cover * rng.dirichlet((0.4, 3.6, 3.0))
    uneven = np.exp(np.float32(1.1) * power_law(rng, surface.land.shape, 0.6))
    fog = rng.random() < (0.1 if weather.day else 0.25)
    low_height = rng.uniform(0.2, 0.5) if fog else rng.uniform(0.8, 2.5)
    return [
        _layer(rng, surface, uneven, low, low_height, (2.3, 300) if fog else (1.8, 150), (1.2, 0.7)),
        _layer(rng, surface, uneven, middle, rng.uniform(5, 7.4), (2.3, 600), (2.4, 0.8)),
        _layer(rng, surface, uneven, high, rng.uniform(8, 12), (2.6, 1000), (-0.4, 1.0)),
    ]


def bayesian_mask(rng: np.random.Generator, surface: Surface, tau: Field) -> Mask:
    """Return the label: a noisy posterior of cloud, wrong over some snow and in a few blobs.

    True means cloud, like a non-zero ``bayes`` in the benchmark. Like the real mask, it differs from the truth
    (tau > 0.3).
    """
    shape = tau.shape
    posterior = 2.5 * np.log((tau + 0.002) / 0.3) + 0.8 * power_law(rng, shape, 1.0)
    false_alarm = surface.snow & (power_law(rng, shape, 1.8) > 1.0)
    blob = power_law(rng, shape, 2.0, outer=40) > 2.2
    return np.asarray(((posterior > 0) | false_alarm) ^ blob)
