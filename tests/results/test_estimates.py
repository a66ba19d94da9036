"""Estimates from earlier results: whether they cover what is measured later, and what they refuse to guess."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairmesh.results.estimates.backtest import BackTest, back_test
from fairmesh.results.estimates.estimator import LARGEST_RATIO, LEVEL, Estimator, Prediction, Target
from fairmesh.results.estimates.quantities import MEMORY, SECONDS
from fairmesh.results.estimates.totals import Accumulator, Schedule, Total, add_totals
from fairmesh.results.past_results import PastResult

Law = Callable[..., float]


def result(seconds: float, machine: str = "local", **parameters: Any) -> PastResult:
    return PastResult("study", machine, "id", parameters, seconds=seconds, peak_bytes=seconds)


def measure(
    law: Law, points: Iterable[dict[str, Any]], noise: float, rng: np.random.Generator, machine: str = "local"
) -> list[PastResult]:
    return [result(law(**point) * math.exp(noise * rng.standard_normal()), machine, **point) for point in points]


def target(machine: str = "local", runtime: float | None = None, **parameters: Any) -> Target:
    requests = {} if runtime is None else {"runtime": runtime}
    return Target(result(1, machine, **parameters).features, requests)


def predict(past: Sequence[PastResult], machine: str = "local", **parameters: Any) -> Prediction:
    return Estimator(SECONDS, past).predict(target(machine, **parameters))


def ratio(prediction: Prediction) -> float:
    assert prediction.low is not None
    assert prediction.high is not None
    return prediction.high / prediction.low


POINTS = [{"epochs": epochs, "width": width} for epochs in (1, 2, 4) for width in (4, 8)] * 2
INSIDE = {"epochs": 3, "width": 6}
BEYOND = {"epochs": 16, "width": 8}


@pytest.mark.parametrize(("point", "margin"), [(INSIDE, 0.05), (BEYOND, 0.07), (POINTS[0], 0.05)])
def test_intervals_cover_as_many_results_as_they_state(point: dict[str, Any], margin: float) -> None:
    rng = np.random.default_rng(1)
    hits = total = 0
    for _ in range(300):
        fixed, rate = rng.choice([0.0, 10.0, 40.0]), math.exp(rng.normal())
        one, other = rng.choice([0.0, 1.0, 1.0, 2.0]), rng.choice([0.0, 0.5, 1.0])

        def law(
            epochs: float,
            width: float,
            *,
            fixed: float = fixed,
            rate: float = rate,
            one: float = one,
            other: float = other,
        ) -> float:
            return fixed + rate * epochs**one * width**other

        noise = math.exp(rng.normal(math.log(0.05), 0.5))
        prediction = predict(measure(law, POINTS, noise, rng), **point)
        (later,) = measure(law, [point], noise, rng)
        if prediction.high is not None and prediction.low is not None and later.seconds:
            total += 1
            hits += prediction.low <= later.seconds <= prediction.high
    assert total > 290
    print(f"{hits} of {total} results in their interval of {LEVEL} %")
    assert abs(hits / total - LEVEL / 100) <= margin


@given(
    fixed=st.floats(0, 100),
    rate=st.floats(0.1, 100),
    exponent=st.floats(0.3, 3),
    noise=st.floats(0, 0.1),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_estimates_grow_with_a_parameter_with_which_results_grow(
    fixed: float, rate: float, exponent: float, noise: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    past = measure(
        lambda size: fixed + rate * size**exponent, [{"size": size} for size in (10, 40, 160)] * 2, noise, rng
    )
    if past[0].seconds and past[2].seconds and past[2].seconds < past[0].seconds * 1.5:
        return  # the noise hides the growth
    estimator = Estimator(SECONDS, past)
    values = [estimator.predict(target(size=size)).value for size in (20, 80, 320, 1280)]
    known = [value for value in values if value is not None]
    assert known == sorted(known)
    assert len(known) >= 2


@given(factor=st.floats(1e-6, 1e6), seed=st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_the_unit_of_time_does_not_matter(factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    past = measure(lambda size: 3.0 + size, [{"size": size} for size in (1, 2, 4, 8)], 0.05, rng)
    scaled = [result((earlier.seconds or 0) * factor, **earlier.parameters) for earlier in past]
    one, other = predict(past, size=16), predict(scaled, size=16)
    assert (other.value, other.low, other.high) == pytest.approx(
        tuple((end or 0) * factor for end in (one.value, one.low, one.high)), rel=1e-6
    )


@given(
    st.lists(
        st.tuples(
            st.floats(-1e9, 1e9)
            | st.none()
            | st.text(max_size=3)
            | st.booleans()
            | st.lists(st.integers(), max_size=2),
            st.floats(1e-9, 1e12),
        ),
        max_size=12,
    ),
    st.floats(-1e9, 1e9) | st.none() | st.text(max_size=3),
)
@settings(max_examples=150, deadline=None)
def test_any_results_give_an_estimate_in_its_interval_or_a_reason(past: list[tuple[Any, float]], asked: Any) -> None:
    estimator = Estimator(SECONDS, [result(seconds, x=value) for value, seconds in past])
    prediction = estimator.predict(target(x=asked))
    if prediction.value is None or prediction.low is None or prediction.high is None:
        assert prediction.why
        return
    assert 0 < prediction.low <= prediction.value <= prediction.high < math.inf
    back_test(estimator)


def test_one_result_has_no_interval() -> None:
    prediction = predict([result(10, size=1)], size=1)
    assert (prediction.value, prediction.high, prediction.why) == (10, None, "one earlier result")


def test_fewer_results_and_a_longer_way_beyond_them_make_intervals_wider() -> None:
    past = [result(10 + size, size=size) for size in (1, 2, 4, 8)]
    ratios = [ratio(predict(past, size=size)) for size in (3, 16, 64)]
    assert ratios == sorted(ratios)
    assert ratio(predict(past[1:3], size=3)) > ratio(predict(past, size=3))


def test_a_parameter_without_effect_does_not_widen_the_interval_beyond_its_range() -> None:
    past = [result(10.0, rate=rate) for rate in (0.001, 0.002, 0.004, 0.008)] * 3
    assert ratio(predict(past, rate=0.1)) < 1.5 * ratio(predict(past, rate=0.003))


def test_a_fixed_part_is_found() -> None:
    past = [result(30 + 2 * epochs, epochs=epochs) for epochs in (1, 2, 4, 8, 16)] * 2
    prediction = predict(past, epochs=64)
    assert prediction.value == pytest.approx(158, rel=0.15)
    assert "s + a constant x epochs^" in Estimator(SECONDS, past).law


@pytest.mark.parametrize(
    ("exponent", "points"), [(2, (100, 200, 400)), (3, (100, 200, 400)), (-1, (1, 2, 4)), (0.5, (1, 10, 100))]
)
def test_exponents_are_found(exponent: float, points: tuple[int, ...]) -> None:
    past = [result(50 * (size / points[0]) ** exponent, size=size) for size in points] * 2
    beyond = points[-1] * 2
    prediction = predict(past, size=beyond)
    assert prediction.low is not None
    assert prediction.high is not None
    assert prediction.low < 50 * (beyond / points[0]) ** exponent < prediction.high


def test_machines_and_methods_have_factors_from_common_points() -> None:
    past = [
        result(size * (3 if machine == "dgx" else 1) * (2 if method == "b" else 1), machine, size=size, method=method)
        for size, machine, method in [(10, "dgx", "a"), (20, "dgx", "a"), (10, "local", "a"), (20, "local", "b")] * 2
    ]
    prediction = predict(past, "dgx", size=20, method="b")
    assert prediction.value == pytest.approx(120, rel=0.3)
    assert prediction.low is not None
    assert prediction.high is not None
    assert prediction.low < 120 < prediction.high
    assert prediction.remarks == ()


def test_what_was_never_measured_is_named() -> None:
    past = [result(size, size=size, method="a") for size in (1, 2, 4)]
    prediction = predict(past, "dgx", size=8, method="a")
    assert prediction.remarks == ("size=8 is beyond 1..4 that were measured", "machine dgx was never measured")
    assert ratio(prediction) > 10


def test_what_is_too_uncertain_is_not_estimated() -> None:
    past = [result(size, size=size, method="a") for size in (1, 2)]
    prediction = predict(past, "dgx", size=1000, method="b")
    assert prediction.value is None
    assert prediction.why.startswith("the interval spans a factor of ")
    assert float(prediction.why.split()[-1]) > LARGEST_RATIO


def test_the_memory_of_another_machine_is_probably_similar() -> None:
    past = [result(size, size=size) for size in (1, 2, 4, 8)] * 2
    memory = Estimator(MEMORY, past).predict(target("dgx", size=3))
    assert ratio(memory) < ratio(Estimator(SECONDS, past).predict(target("dgx", size=3)))


def test_a_back_test_leaves_out_whole_points() -> None:
    rng = np.random.default_rng(5)
    past = measure(lambda epochs, width: 10 + epochs * width, POINTS, 0.05, rng)
    test = back_test(Estimator(SECONDS, past))
    assert len(test.tested) == 12
    assert test.within >= 9
    assert (test.typical_error or 1) < 0.2
    assert test.words.startswith(f"{test.within} of 12 earlier results, each left out in turn, were within")
    assert not back_test(Estimator(SECONDS, past[:2])).comparisons
    assert BackTest(SECONDS).words == ""


def test_a_back_test_finds_results_that_follow_no_law() -> None:
    rng = np.random.default_rng(5)
    past = [result(math.exp(rng.uniform(-5, 5)), size=size) for size in range(1, 30)]
    test = back_test(Estimator(SECONDS, past))
    assert (test.typical_error or 0) > 1 or not test.tested


def test_intervals_of_sums_are_narrower_than_sums_of_intervals() -> None:
    rng = np.random.default_rng(2)
    past = measure(lambda size: 10.0 * size, [{"size": 1}] * 20, 0.3, rng)
    estimator = Estimator(SECONDS, past)
    prediction, sample = estimator.predict(target(size=1)), estimator.sample(target(size=1))
    assert sample
    total = Accumulator()
    for index in range(50):
        total.add(prediction, sample.draws(index))
    found = total.total
    assert found.value == pytest.approx(500, rel=0.25)
    assert found.low
    assert found.high
    assert found.high / found.low < ratio(prediction) / 1.3


def test_an_experiment_without_interval_takes_that_of_the_sum() -> None:
    total = Accumulator()
    total.add(Prediction(10.0, why="one earlier result"), None)
    total.add(Prediction(why="unknown"), None)
    assert total.total == Total(10.0, None, None, 1, 1)


@pytest.mark.parametrize(("slots", "end"), [(1, 100), (2, 60), (3, 50), (10, 40)])
def test_an_experiment_starts_where_one_ends_first(slots: int, end: float) -> None:
    schedule = Schedule(slots, 4)
    for seconds in (10, 20, 30, 40):
        schedule.add(np.full(1000, float(seconds)))
    assert schedule.draws.max() == pytest.approx(end)


def test_totals_of_machines_add_up() -> None:
    parts = [Total(1, 0.5, 2, 1, 0), Total(10, 5, 20, 2, 3)]
    assert add_totals(parts) == Total(11, 5.5, 22, 3, 3)
    assert add_totals([*parts, Total(1, None, None, 1, 0)]) == Total(12, None, None, 4, 3)
    assert add_totals([]) == Total()


def test_a_faster_machine_is_faster_in_the_fixed_part_too() -> None:
    past = [
        result((10 + 4 * epochs) / (3 if machine == "dgx" else 1), machine, epochs=epochs)
        for machine, most in (("local", 8), ("dgx", 2))
        for epochs in (1, 2, 4, 8)
        if epochs <= most
    ] * 2
    prediction = predict(past, "dgx", epochs=8)
    assert prediction.low is not None
    assert prediction.high is not None
    assert prediction.low < 14 < prediction.high
    assert ratio(prediction) < 1.6
    assert prediction.value == pytest.approx(14, rel=0.1)
