"""When a metric agrees with what was recorded."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.fair.agreement import compare
from fairmesh.results import MetricValue

NUMBERS = st.floats(-1e9, 1e9)


@pytest.mark.parametrize(
    ("old", "new", "declared", "interval", "state"),
    [
        (MetricValue(0.5), 0.5, {}, False, "agrees"),
        (MetricValue(0.5), 0.5 + 1e-12, {}, False, "agrees"),
        (MetricValue(0.5), 0.51, {}, False, "differs"),
        (MetricValue(0.5), 0.51, {"tolerance": 0.02}, False, "agrees"),
        (MetricValue(0.5), 0.53, {"tolerance": 0.02}, False, "differs"),
        (MetricValue(0.5, 0.4, 0.6), 0.51, {}, False, "differs"),
        (MetricValue(0.5, 0.4, 0.6), 0.51, {}, True, "agrees"),
        (MetricValue(0.5, 0.4, 0.6), 0.61, {}, True, "differs"),
        (MetricValue(0.5, 0.4, 0.6), 0.55, {"tolerance": 0.02}, True, "differs"),
        (MetricValue(12.5), 14, {"unit": "s"}, False, "not judged"),
        (MetricValue(12.5), 14, {"unit": "images/s"}, False, "not judged"),
        (MetricValue(12.5), 14, {"unit": "s", "tolerance": 1}, False, "differs"),
        (MetricValue(0.0), 0.0, {"tolerance": 0}, False, "agrees"),
    ],
)
def test_a_tolerance_comes_first_then_the_number_itself(
    old: MetricValue, new: float, declared: dict[str, Any], interval: bool, state: str
) -> None:
    (found,) = compare({"m": old}, {"m": MetricValue(new)}, {"m": declared}, interval=interval)
    assert found.state == state


def test_a_metric_that_was_not_measured_again_differs() -> None:
    (found,) = compare({"m": MetricValue(1)}, {}, {})
    assert str(found) == "m: 1 recorded, nothing now: differs, it was not measured again"


@given(NUMBERS, NUMBERS, st.floats(0, 1e9))
def test_agreement_is_the_same_both_ways_and_holds_for_a_wider_tolerance(old: float, new: float, width: float) -> None:
    def state(one: float, two: float, tolerance: float) -> str:
        (found,) = compare({"m": MetricValue(one)}, {"m": MetricValue(two)}, {"m": {"tolerance": tolerance}})
        return found.state

    assert state(old, new, width) == state(new, old, width)
    assert state(old, old, width) == "agrees"
    if state(old, new, width) == "agrees":
        assert state(old, new, 2 * width) == "agrees"
