"""Radiative transfer keeps the laws that the generator rests on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmask.data import physics
from cloudmask.data.physics import Field, box_blur, power_law

depths = st.floats(0, 200, width=32)
shares = st.floats(0, float(np.float32(0.98)), width=32)


def of(value: float) -> Field:
    return np.array([value], dtype=np.float32)


@given(st.floats(180, 340), st.sampled_from(physics.THERMAL_WAVELENGTH))
def test_brightness_temperature_is_the_inverse_of_planck(temperature: float, wavelength: float) -> None:
    radiance = physics.planck(temperature, wavelength)
    assert physics.brightness_temperature(radiance, wavelength) == pytest.approx(temperature, abs=0.01)


@given(depths, st.floats(0.1, 1), st.booleans(), st.integers(0, 5))
def test_a_cloud_reflects_and_transmits_no_more_than_it_receives(tau: float, mu0: float, ice: bool, band: int) -> None:
    reflectance, transmittance = physics.layer(of(tau), mu0, ice, band)
    assert reflectance >= 0
    assert transmittance >= 0
    assert reflectance + transmittance <= 1 + 1e-6


@given(depths, shares, st.booleans())
def test_a_cloud_over_a_surface_stays_between_darkness_and_full_reflection(tau: float, below: float, ice: bool) -> None:
    seen = physics.stack(*physics.layer(of(tau), 0.7, ice, 0), of(below))
    assert -1e-6 <= seen <= 1 + 1e-5


def test_no_cloud_leaves_the_surface_as_it_is() -> None:
    assert physics.stack(*physics.layer(of(0), 0.7, ice=False, band=0), of(0.3)) == pytest.approx(0.3)


def test_ice_is_darker_than_water_where_it_absorbs() -> None:
    ice, water = (physics.layer(of(1000), 0.7, kind, band=5)[0] for kind in (True, False))
    assert ice < water


def test_the_sun_glints_most_where_it_is_mirrored() -> None:
    sun = np.radians(np.array([30], dtype=np.float32))
    mirrored, aside = (physics.sun_glint(sun, np.radians(of(angle)), wind=5) for angle in (30, -30))
    assert mirrored > 10 * aside


@given(st.floats(1.4, 3.2), st.integers(0, 2**32 - 1))
def test_a_field_has_the_spectrum_that_was_asked_for(beta: float, seed: int) -> None:
    field = power_law(np.random.default_rng(seed), (128, 128), beta)
    power = np.abs(np.fft.fft2(field)) ** 2
    wavenumber = np.hypot(np.fft.fftfreq(128)[:, None], np.fft.fftfreq(128))
    low, high = (np.abs(wavenumber - middle) < 0.02 for middle in (0.1, 0.4))
    slope = np.log(power[high].mean() / power[low].mean()) / np.log(wavenumber[high].mean() / wavenumber[low].mean())
    assert slope == pytest.approx(-beta, abs=0.5)


def test_a_blur_keeps_a_constant_and_spreads_a_point() -> None:
    assert box_blur(np.full((4, 5), 2, dtype=np.float32)) == pytest.approx(2)
    point = np.zeros((5, 5), dtype=np.float32)
    point[2, 2] = 9
    assert box_blur(point)[1:4, 1:4] == pytest.approx(1)
