"""Which experiments are probes."""

from __future__ import annotations

from typing import Any

import pytest

from fairmesh.study import Experiment
from fairmesh.study.cost import cost_key
from fairmesh.workflow.probing import choose, kind


def experiment(resources: dict[str, Any] | None = None, machine: str = "local", **values: Any) -> Experiment:
    name = "+".join(f"{key}={value}" for key, value in values.items()) or "defaults"
    axes = {key: value for key, value in values.items() if key in {"gpu", "repeat"}}
    parameters = {key: value for key, value in values.items() if key not in axes}
    return Experiment("s", machine, name, "k", parameters, axes, resources or {}, {}, "f")


def test_of_each_kind_the_smallest_numbers_are_the_probe() -> None:
    points = [
        experiment(epochs=epochs, rate=rate, optimiser=optimiser, gpu=gpu)
        for epochs in (60, 1, 30)
        for rate in (0.01, 0.001)
        for optimiser in ("adam", "sgd")
        for gpu in ("a100", "v100")
    ]
    found = [point.id for point in choose(points, points)]
    assert found == [
        f"epochs=1+rate=0.001+optimiser={name}+gpu={gpu}" for name in ("adam", "sgd") for gpu in ("a100", "v100")
    ]


def test_what_asks_for_less_goes_before_smaller_numbers() -> None:
    dear, cheap = experiment({"runtime": 90}, epochs=1), experiment({"runtime": 30}, epochs=2)
    assert choose([dear, cheap], [dear, cheap]) == [cheap]


def test_a_kind_with_a_result_needs_no_probe() -> None:
    done, other, left = experiment(epochs=9), experiment(epochs=1, mode="x"), experiment(epochs=1)
    points = [done, other, left]
    assert choose(points, [other, left]) == [other]
    assert choose(points, []) == []


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (experiment(epochs=1), experiment(epochs=2), True),
        (experiment(repeat=1), experiment(repeat=2), True),
        (experiment({"runtime": 1, "mem_mb": 5}), experiment({"runtime": 2, "mem_mb": 6}), True),
        (experiment({"nodes": 2}), experiment({"nodes": 4}), True),
        (experiment(), experiment({"nodes": 1}), True),
        (experiment({"nodes": 1}), experiment({"nodes": 2}), False),
        (experiment(early=True), experiment(early=False), False),
        (experiment(limit=None), experiment(limit=3), False),
        (experiment(layers=[1, 2]), experiment(layers=[1, 3]), False),
        (experiment(gpu="a100"), experiment(gpu="v100"), False),
        (experiment({"slurm_partition": "a"}), experiment({"slurm_partition": "b"}), False),
        (experiment(machine="laptop"), experiment(machine="dgx"), False),
    ],
)
def test_kinds_differ_in_all_that_is_no_amount(first: Experiment, second: Experiment, same: bool) -> None:
    assert (kind(first) == kind(second)) is same


def test_gpus_count_more_than_processors() -> None:
    on_gpu = experiment({"gres": "gpu:a100:2", "runtime": 10, "threads": 1})
    on_many = experiment({"threads": 64, "runtime": 10})
    assert cost_key(on_gpu) == (20, 10)
    assert cost_key(on_many) == (0, 640)
    assert cost_key(experiment()) == (0, 1)
