"""Intervals of repeats are those of the textbooks, and noise is told from a difference."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.results.statistics import Summary, compare_means, half_width, summarize, t95

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=9)


@pytest.mark.parametrize(
    ("freedom", "expected"),
    [(1, 12.706), (2, 4.303), (5, 2.571), (10, 2.228), (11, 2.201), (20, 2.086), (60, 2.000), (120, 1.980)],
)
def test_the_quantiles_are_those_of_the_tables(freedom: int, expected: float) -> None:
    assert t95(freedom) == pytest.approx(expected, abs=6e-4)


def test_the_interval_covers_the_mean_in_95_of_100_studies() -> None:
    chance = random.Random(3)  # noqa: S311  no secret
    covered = 0
    for _ in range(4000):
        found = summarize([chance.gauss(5, 2) for _ in range(4)])
        assert found
        covered += abs(found.mean - 5) <= (half_width(found) or 0)
    assert covered / 4000 == pytest.approx(0.95, abs=0.015)


@given(VALUES, VALUES)
def test_comparing_does_not_depend_on_the_order(one: list[float], other: list[float]) -> None:
    first, second = summarize(one), summarize(other)
    assert first
    assert second
    assert compare_means(first, second) == compare_means(second, first)
    assert compare_means(first, first) == "noise"


def test_one_measurement_says_nothing_of_noise() -> None:
    once = Summary(1, 3.0, None, 3.0, 3.0)
    assert half_width(once) is None
    assert compare_means(once, Summary(3, 9.0, 0.1, 8.9, 9.1)) == "unknown"
    assert math.isfinite(t95(1e12))
