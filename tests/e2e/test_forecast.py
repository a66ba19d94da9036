"""Seeing before running: what `fairmesh plan` says would run, and why, is what runs."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.e2e.workplace import RECORDS_ONLY, Workplace

pytestmark = pytest.mark.e2e


def _fairmesh(workplace: Workplace, *arguments: str) -> str:
    command = [sys.executable, "-m", "fairmesh.cli", *arguments]
    return subprocess.run(command, cwd=workplace.folder, capture_output=True, text=True, check=True).stdout


def _why(workplace: Workplace, *options: str) -> dict[str, str]:
    content: dict[str, Any] = json.loads(_fairmesh(workplace, "plan", "./study.yaml", "--json", *options))
    assert content["totals"]["to_run"] == sum(bool(experiment["why"]) for experiment in content["experiments"])
    return {experiment["id"]: experiment["why"] for experiment in content["experiments"]}


@pytest.mark.long
def test_the_plan_says_why_each_would_run(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2], "behaviour": ["good", "exit"]})
    assert set(_why(workplace).values()) == {"new"}
    workplace.run(*RECORDS_ONLY, status=1)
    failed = {f"behaviour=exit+value={value}": "failed before: exit code 3" for value in (1, 2)}
    good = {f"behaviour=good+value={value}": "" for value in (1, 2)}
    assert _why(workplace) == failed | good
    assert _why(workplace, "--where", "behaviour == 'exit'", "--first", "1") == dict([*failed.items()][:1])

    workplace.study({"value": [1, 2, 3]})
    new = {"value=1": "", "value=2": "", "value=3": "new"}
    assert _why(workplace) == new, "the same under a shorter name"
    workplace.run(*RECORDS_ONLY)
    assert set(_why(workplace).values()) == {""}

    workplace.edit("toy/application.yaml", "size: {type: integer, default: 3", "size: {type: integer, default: 4")
    workplace.edit("toy/application.yaml", 'version: "1"', 'version: "2"')
    assert set(_why(workplace).values()) == {"changed: size 3 → 4, version 1 → 2"}
    table = _fairmesh(workplace, "plan", "./study.yaml")
    assert "3 experiments of sweep on local; 3 would run" in table
    workplace.forget_starts()
    workplace.run(*RECORDS_ONLY)
    assert len(workplace.experiments_started()) == 3


@pytest.mark.long
def test_two_studies_are_told_apart(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2], "gpu": "a"})
    (workplace.folder / "other.yaml").write_text((workplace.folder / "study.yaml").read_text())
    workplace.study({"value": [2, 3], "gpu": "a"}, derive={"size": "value * 2"})
    assert _fairmesh(workplace, "diff", "./other.yaml", "./study.yaml").splitlines() == [
        "- gpu=a+value=1",
        "+ gpu=a+value=3",
        "~ gpu=a+value=2: size 3 → 4",
        "1 added, 1 removed, 1 changed, 0 the same",
    ]
    found = json.loads(_fairmesh(workplace, "diff", "./other.yaml", "./study.yaml", "--json"))
    assert (found["added"], found["removed"], found["same"]) == (["gpu=a+value=3"], ["gpu=a+value=1"], 0)


def test_the_stages_are_drawn(workplace: Workplace) -> None:
    workplace.study({"value": [1, 2], "size": [3, 4, 5]})
    drawn = _fairmesh(workplace, "plan", "./study.yaml", "--graph").splitlines()
    assert drawn[0] == "flowchart LR"
    assert '  s0["Write some numbers<br/>runs 3x"]' in drawn
    assert '  s1["measure<br/>runs 6x"]' in drawn
    assert "  s0 --> s1" in drawn
