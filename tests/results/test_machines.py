"""Machines compared over common points: by hand, with scipy, and where numbers are few or missing."""

from __future__ import annotations

import math
import random
import statistics
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from fairmesh.errors import InputError
from fairmesh.results import load_study
from fairmesh.results.machines import MachineChange, MachineComparison, compare_machines
from fairmesh.results.paired import paired_estimate
from tests.results.builder import Folder


def study(place: Path, machines: dict[str, dict[tuple[int, int], float]], **more: Any) -> MachineComparison:
    """Compare machines by their seconds at points of epochs and repeat; accuracies are equal."""
    folder = Folder(place / "results")
    for machine, seconds in machines.items():
        for (epochs, repeat), value in seconds.items():
            point = folder.add(machine, epochs=epochs, repeat=repeat)
            folder.finish(point, {"accuracy": {"value": 0.9}}, seconds=value, usage={}, **more)
    return compare_machines(load_study(place / "results", "quick"))


def change(comparison: MachineComparison, name: str, machine: int = 1) -> MachineChange:
    found = {quantity.metric.name: quantity.changes[machine] for quantity in comparison.quantities}[name]
    assert found
    return found


def test_times_are_compared_by_the_ratio_of_geometric_means_over_common_repeats(tmp_path: Path) -> None:
    laptop = {(1, 1): 10.0, (1, 2): 12.0, (2, 1): 20.0, (2, 2): 21.0, (3, 1): 99.0}
    dgx = {(1, 1): 5.0, (1, 2): 5.5, (2, 1): 11.0, (2, 2): 10.0, (2, 3): 1.0}
    seconds = change(study(tmp_path, {"laptop": laptop, "dgx": dgx}), "seconds")
    logs = [[math.log(5 / 10), math.log(5.5 / 12)], [math.log(11 / 20), math.log(10 / 21)]]
    assert seconds.is_ratio
    assert seconds.value == pytest.approx(math.exp(statistics.fmean(map(statistics.fmean, logs))))
    assert (seconds.estimate.points, seconds.estimate.pairs, seconds.estimate.basis) == (2, 4, "repeats")
    variance = sum(statistics.variance(pairs) for pairs in logs) / 2
    half = stats.t.ppf(0.975, 2) * math.sqrt(variance / 4)
    assert seconds.interval == pytest.approx(
        (seconds.value * math.exp(-half), seconds.value * math.exp(half)), rel=1e-4
    )
    assert seconds.own == pytest.approx(seconds.reference * seconds.value)
    assert (seconds.judgement.state, seconds.estimate.is_rough) == ("different", True)
    assert seconds.judgement.words == "less than laptop (paired t test, 5 %, 4 pairs, rough)"


def test_one_point_with_repeats_is_a_paired_t_test() -> None:
    before, after = [1.0, 2.0, 4.0, 3.0], [1.5, 2.2, 4.1, 3.9]
    estimate = paired_estimate([[b - a for a, b in zip(before, after, strict=True)]])
    low, high = stats.ttest_rel(after, before).confidence_interval()
    assert estimate.interval == pytest.approx((low, high), rel=1e-4)


def test_the_interval_covers_the_true_ratio_as_often_as_it_says() -> None:
    random.seed(5)
    covered = 0
    for _ in range(2000):
        groups = [[random.gauss(0.3 + 0.1 * point, 0.2) for _ in range(repeats)] for point, repeats in ((0, 2), (1, 4))]
        low, high = paired_estimate(groups).interval or (0.0, 0.0)
        covered += low <= 0.35 <= high
    assert 0.935 <= covered / 2000 <= 0.965


def test_without_repeats_the_interval_comes_from_the_points(tmp_path: Path) -> None:
    laptop, dgx = {(1, 1): 10.0, (2, 1): 20.0}, {(1, 1): 5.0, (2, 1): 14.0}
    seconds = change(study(tmp_path, {"laptop": laptop, "dgx": dgx}), "seconds")
    assert (seconds.estimate.basis, seconds.estimate.pairs) == ("points", 2)
    assert (seconds.least, seconds.most) == (pytest.approx(0.5), pytest.approx(0.7))
    assert seconds.judgement.words == "not distinguishable from laptop (paired t test, 5 %, 2 pairs, rough)"


def test_one_pair_has_no_interval_and_decides_nothing(tmp_path: Path) -> None:
    seconds = change(study(tmp_path, {"laptop": {(1, 1): 10.0}, "dgx": {(1, 1): 5.0}}), "seconds")
    assert seconds.interval is None
    assert seconds.judgement.words == "less than laptop; 1 pair without spread: noise unknown"
    assert seconds.judgement.state == "unknown"


def test_equal_accuracies_are_not_distinguishable_and_never_called_the_same(tmp_path: Path) -> None:
    values = {(1, 1): 10.0, (1, 2): 11.0}
    accuracy = change(study(tmp_path, {"laptop": values, "dgx": values}), "accuracy")
    assert not accuracy.is_ratio
    assert accuracy.judgement.words == "not distinguishable from laptop: equal in 2 pairs"


def test_a_constant_difference_is_judged_by_the_tolerance(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    folder.application["metrics"]["accuracy"]["tolerance"] = 0.05
    for machine, value in (("laptop", 0.5), ("dgx", 0.75)):
        for repeat in (1, 2):
            folder.finish(folder.add(machine, epochs=1, repeat=repeat), {"accuracy": {"value": value}}, usage={})
    accuracy = change(compare_machines(load_study(tmp_path / "results", "quick")), "accuracy")
    assert accuracy.judgement.words == "better than laptop, by more than the tolerance of 0.05"


def test_points_of_one_machine_only_are_left_out_and_named(tmp_path: Path) -> None:
    comparison = study(tmp_path, {"laptop": {(1, 1): 10.0}, "dgx": {(2, 1): 5.0}})
    assert comparison.quantities == ()
    assert [side.name for side in comparison.sides] == ["laptop", "dgx"]


def test_energy_that_was_determined_differently_is_said(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    for machine, method in (("laptop", "measured"), ("dgx", "estimated")):
        point = folder.add(machine, epochs=1)
        folder.finish(point, {"accuracy": {"value": 0.9}}, usage={"energy_j": 5.0, "energy_method": method})
    notes = compare_machines(load_study(tmp_path / "results", "quick")).notes
    assert any("laptop: measured; dgx: estimated" in note for note in notes)


def test_zero_has_no_ratio(tmp_path: Path) -> None:
    seconds = change(study(tmp_path, {"laptop": {(1, 1): 0.0}, "dgx": {(1, 1): 5.0}}), "seconds")
    assert not seconds.is_ratio
    assert seconds.value == 5


def test_a_single_machine_or_an_unknown_reference_is_one_clear_line(tmp_path: Path) -> None:
    folder = Folder(tmp_path / "results")
    folder.finish(folder.add("laptop", epochs=1), {"accuracy": {"value": 0.9}})
    with pytest.raises(InputError, match="results of only laptop; comparing needs two machines"):
        compare_machines(load_study(tmp_path / "results", "quick"))
    folder.finish(folder.add("dgx", epochs=1), {"accuracy": {"value": 0.9}})
    with pytest.raises(InputError, match="no results of machine 'dgy'"):
        compare_machines(load_study(tmp_path / "results", "quick"), "dgy")


def test_the_hardware_comes_from_the_environments(tmp_path: Path) -> None:
    comparison = study(tmp_path, {"laptop": {(1, 1): 10.0}, "dgx": {(1, 1): 5.0}})
    assert comparison.sides[0].hardware == {
        "processor": "Intel(R) Xeon(R) Platinum 8480+",
        "cores": "2",
        "memory": "8 GiB",
        "system": "Debian GNU/Linux 12 (bookworm)",
        "nodes": "node-7",
    }
