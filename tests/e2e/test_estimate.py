"""Estimates against what is then measured: a small study runs, a larger one is estimated and runs."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import Any

import pytest

from fairmesh.schema import load_yaml
from tests.e2e.workplace import RECORDS_ONLY, ROOT, Workplace
from tests.needs import note_component

pytestmark = pytest.mark.e2e


def estimate(workplace: Workplace, *arguments: str) -> dict[str, Any]:
    text = workplace.fairmesh("estimate", "./study.yaml", "--profile", "profiles/local", "--json", *arguments)
    found: dict[str, Any] = json.JSONDecoder().raw_decode(text[text.index("{") :])[0]
    return found


def assert_within(workplace: Workplace, expected: dict[str, Any]) -> None:
    """Compare run time and memory of each experiment with their intervals."""
    for experiment in expected["experiments"]:
        record = workplace.record(experiment["id"])
        measured = {"seconds": record["seconds"], "memory_bytes": record["usage"]["peak_bytes"]}
        for name, value in measured.items():
            stated = experiment[name]
            interval = f"{stated['low']:.4g} to {stated['high']:.4g}"
            print(f"{experiment['id']}: {name} {value:.4g}, estimated {stated['value']:.4g} ({interval})")
            assert stated["low"] <= value <= stated["high"], experiment


def test_a_larger_study_of_known_scaling_is_within_its_interval(workplace: Workplace) -> None:
    workplace.study({"seconds": [0.5, 1, 2]}, repeat=3)
    workplace.run(*RECORDS_ONLY)
    workplace.study({"seconds": [3, 8]}, repeat=2)
    expected = estimate(workplace)
    assert expected["to_run"] == 4
    assert expected["remarks"] == {
        "seconds=3 is beyond 0.5..2 that were measured": 2,
        "seconds=8 is beyond 0.5..2 that were measured": 2,
    }
    assert expected["back_tests"]["seconds"]["results"] == 9
    assert "written     " in workplace.fairmesh("estimate", "./study.yaml", "--profile", "profiles/local", "--write")
    workplace.run(*RECORDS_ONLY)
    assert_within(workplace, expected)
    resources = load_yaml(workplace.folder / "config/resources/sweep.yaml").plain()["experiments"]["local"]
    for experiment in expected["experiments"]:
        asked = workplace.record(experiment["id"])["resources"]
        assert {name: asked[name] for name in ("runtime", "mem_mb")} == resources[experiment["id"]]


@pytest.mark.quick
def test_the_larger_sibling_of_the_quick_study_is_within_its_interval(workplace: Workplace) -> None:
    note_component(f"TensorFlow {version('tensorflow-cpu')}")
    parameters = load_yaml(ROOT / "config/studies/quick.yaml").plain()["parameters"] | {"learning_rate": 0.001}
    workplace.study(parameters | {"epochs": [1, 2, 4]}, application="cloudmask", repeat=2)
    workplace.run("--cores", "1", *RECORDS_ONLY)
    workplace.study(parameters | {"epochs": [16]}, application="cloudmask")
    expected = estimate(workplace)
    assert expected["remarks"] == {"epochs=16 is beyond 1..4 that were measured": 1}
    workplace.run("--cores", "1", *RECORDS_ONLY)
    assert_within(workplace, expected)
