"""The simulated measurements of a synthetic scene, as arrays in the benchmark's schema."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cloudmask.data import physics
from cloudmask.data.physics import Field, power_law
from cloudmask.data.weather import (
    Cloud,
    Conditions,
    Mask,
    Surface,
    bayesian_mask,
    draw_clouds,
    draw_conditions,
    draw_surface,
)

Arrays = dict[str, npt.NDArray[np.floating | np.integer]]


@dataclass(frozen=True)
class Geometry:
    """Angles in radians, shape broadcastable to (rows, columns); the sign of `view` gives its side."""

    sun: Field
    view: Field
    sunlight: Field  # cosine of the sun's zenith angle; 1 at night, as in the benchmark's converter

    @classmethod
    def of(cls, shape: tuple[int, int], weather: Conditions) -> Geometry:
        """Return the angles of a frame: the sun changes by 6 degrees along the track, the swath spans 110."""
        sun = np.radians(weather.sun + np.linspace(-3, 3, shape[0], dtype=np.float32))[:, None]
        view = np.radians(np.linspace(-55, 55, shape[1], dtype=np.float32))[None]
        return cls(sun, view, np.cos(sun) if weather.day else np.ones_like(sun))


def _shadow(cloud: Cloud, geometry: Geometry) -> Field:
    """Return the share of direct light below a cloud, shifted along the columns by its height."""
    shift = round(cloud.height * float(np.tan(geometry.sun.mean())))
    return np.roll(np.exp(-cloud.tau * np.float32(0.14)), shift, axis=1)


def sea_glint(surface: Surface, geometry: Geometry) -> Field:
    """Return the reflectance of sun glint on open water, 0 elsewhere."""
    return np.where(
        surface.land | surface.snow, np.float32(0), physics.sun_glint(geometry.sun, geometry.view, surface.wind)
    )


def plumes(rng: np.random.Generator, shape: tuple[int, int]) -> Field:
    """Draw the relative amount of aerosol over a scene: smooth, about 1, at most 4."""
    return np.asarray(np.exp(np.float32(0.9) * np.minimum(power_law(rng, shape, 3.0, outer=400), np.float32(1.5))))


def reflectances(
    rng: np.random.Generator, weather: Conditions, surface: Surface, clouds: list[Cloud], geometry: Geometry
) -> npt.NDArray[np.float32]:
    """Return the top-of-atmosphere reflectance of S1 to S6, shape (rows, columns, 6); all zero at night."""
    rows, columns = surface.land.shape
    seen = np.zeros((rows, columns, 6), dtype=np.float32)
    if not weather.day:
        return seen
    mu0, mu = geometry.sunlight, np.cos(geometry.view)
    airmass = 1 / mu0 + 1 / mu
    glint = sea_glint(surface, geometry)
    dust = weather.aerosol * plumes(rng, (rows, columns))
    veil = weather.veil * plumes(rng, (rows, columns))
    light = np.minimum.reduce([_shadow(cloud, geometry) for cloud in clouds])
    for band in range(6):
        below = (surface.reflectance[band] + glint) * light
        haze = dust * np.float32((physics.SOLAR_WAVELENGTH[band] / 0.555) ** -weather.fineness)
        path = haze + np.float32(physics.RAYLEIGH[band] * 0.75) / (4 * mu0 * mu)
        for index, cloud in enumerate(clouds):
            # With added light the value may exceed 1; the sum over multiple reflections must converge.
            below = np.minimum(below, np.float32(0.98))
            below = physics.stack(*physics.layer(cloud.seen, mu0, cloud.ice, band), below)
            if index == 1:
                # Vapor is below the ice clouds; it darkens mainly S4.
                strength = 2.8 if band == physics.CIRRUS_BAND else 0.01
                below = (below + path) * np.exp(-strength * surface.vapor * np.minimum(airmass, 6))
        seen[..., band] = (below + veil) * np.float32(physics.GAS[band])
    gain = 1 + 0.004 * rng.standard_normal((2, 1, 6))  # two detectors see alternate rows
    seen *= np.resize(gain, (rows, 1, 6)).astype(np.float32)
    seen += 0.002 * rng.standard_normal(seen.shape, dtype=np.float32)
    return np.maximum(seen, np.float32(1e-4))


def temperatures(
    rng: np.random.Generator, weather: Conditions, surface: Surface, clouds: list[Cloud], geometry: Geometry
) -> npt.NDArray[np.float32]:
    """Return the brightness temperature of S7 to S9 in K, shape (rows, columns, 3)."""
    rows, columns = surface.land.shape
    seen = np.empty((rows, columns, 3), dtype=np.float32)
    mu = np.cos(geometry.view)
    glint = sea_glint(surface, geometry) if weather.day else np.float32(0)
    for band, wavelength in enumerate(physics.THERMAL_WAVELENGTH):
        emissivity = np.where(surface.land, (0.94, 0.97, 0.975)[band], (0.975, 0.99, 0.985)[band])
        clear = np.exp(-physics.VAPOR_ABSORPTION[band] * surface.vapor / np.sqrt(mu))
        radiance = emissivity * physics.planck(surface.temperature, wavelength) * clear
        radiance += (1 - clear) * physics.planck(surface.temperature - 11, wavelength)
        mirror = (0.03 + glint) * clear**2
        for cloud in clouds:
            emission = 1 - np.exp(-physics.CLOUD_EMISSION[band] * cloud.seen / mu)
            radiance = radiance * (1 - emission) + emission * physics.planck(cloud.top, wavelength)
            mirror = mirror * (1 - emission) + emission * (0.04 if cloud.ice else 0.16)
        if band == 0 and weather.day:
            radiance += mirror * physics.S7_IRRADIANCE / np.pi * geometry.sunlight
        noise = physics.THERMAL_NOISE[band] * rng.standard_normal((rows, columns), dtype=np.float32)
        stripes = np.resize(0.08 * rng.standard_normal(2), (rows, 1))
        seen[..., band] = physics.brightness_temperature(radiance, wavelength) + noise + stripes
    seen[..., 0] = np.minimum(seen[..., 0], physics.S7_SATURATION)
    return seen


def _fill(rng: np.random.Generator, shape: tuple[int, int]) -> Mask:
    """Return the pixels outside the swath: a bent strip along the left edge, about 2 percent of the columns."""
    along = np.linspace(-1, 1, shape[0])
    edge = shape[1] * (0.01 + 0.02 * rng.random() * along**2)
    return np.asarray(np.arange(shape[1]) < edge[:, None])


def _flags(mask: Mask) -> npt.NDArray[np.float64]:
    return np.where(mask, 255.0, 0.0)[..., None]


def synthesize(rng: np.random.Generator, shape: tuple[int, int], day: bool) -> tuple[Arrays, Arrays]:
    """Make one scene.

    Parameters
    ----------
    rng : numpy.random.Generator
        Random generator; the same state gives the same scene.
    shape : tuple of int
        Rows (along the track) and columns (across), 1 km each.
    day : bool
        At night the reflectances are all zero, as in the benchmark.

    Returns
    -------
    benchmark : dict of ndarray
        ``bts``, ``rads``, ``refs``, ``bayes`` and ``summary`` in the benchmark's shapes and types.
    hidden : dict of ndarray
        ``truth``, ``land``, ``snow`` (0 or 1), ``tau`` and ``sun`` (degrees); not for training.
    """
    weather = draw_conditions(rng, day)
    geometry = Geometry.of(shape, weather)
    surface = draw_surface(rng, shape, weather)
    clouds = draw_clouds(rng, surface, weather)
    tau = np.asarray(np.sum([cloud.tau for cloud in clouds], axis=0), dtype=np.float32)
    bts = temperatures(rng, weather, surface, clouds, geometry)
    refs = reflectances(rng, weather, surface, clouds, geometry)
    bayes = bayesian_mask(rng, surface, tau)
    summary = (bts[..., 1] < 264) | (refs[..., physics.CIRRUS_BAND] > 0.05)
    outside = _fill(rng, shape)
    for array in (bts, refs, bayes, summary):
        array[outside] = 0
    irradiance = np.array(physics.SOLAR_IRRADIANCE, dtype=np.float32)
    rads = refs * (geometry.sunlight[..., None] * irradiance / np.float32(np.pi))
    benchmark: Arrays = {
        "bts": bts,
        "rads": rads.astype(np.float32),
        "refs": refs.astype(np.float64),
        "bayes": _flags(bayes),
        "summary": _flags(summary),
    }
    hidden: Arrays = {
        "truth": np.asarray(tau > 0.3, dtype=np.uint8),
        "land": surface.land.astype(np.uint8),
        "snow": surface.snow.astype(np.uint8),
        "tau": np.asarray(tau, dtype=np.float16),
        "sun": np.broadcast_to(np.degrees(geometry.sun), shape).astype(np.float16),
    }
    return benchmark, hidden
