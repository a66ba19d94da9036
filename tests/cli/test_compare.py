"""Side by side on the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairmesh import cli


def compare(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["compare", *arguments]) == 0
    return capsys.readouterr().out


def test_points_of_the_configured_study(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = compare(capsys, "epochs=2+width=8", "epochs=4+width=8").splitlines()
    assert lines[:2] == [
        "A  quick: epochs=2+width=8 on local, 2 of 2 with a result",
        "B  quick: epochs=4+width=8 on local, 2 of 2 with a result",
    ]
    assert "Parameters: 1 of 3 differ" in lines
    assert "  epochs  2  4" in lines
    assert any("Inference accuracy" in line and "better, by more than repeats scatter" in line for line in lines)
    assert lines[-1] == "Environment: 0 of 12 differ"


def test_studies_by_name_and_by_folder(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_name = compare(capsys, "quick", "more", "--json")
    assert by_name == compare(capsys, "results/quick", "results/more", "--json")
    assert [side["study"] for side in json.loads(by_name)["sides"]] == ["quick", "more"]


def test_a_study_beside_an_experiment_of_another(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(compare(capsys, "quick", "more:epochs=16+width=4+repeat=1", "epochs=2+width=8", "--json"))
    assert found["kind"] == "experiments"
    assert [(side["study"], side["name"], side["n"]) for side in found["sides"]] == [
        ("quick", "epochs=8+width=8", 1),
        ("more", "epochs=16+width=4+repeat=1", 1),
        ("quick", "epochs=2+width=8", 2),
    ]


def test_all_shows_what_is_the_same(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = compare(capsys, "epochs=2+width=8", "epochs=4+width=8")
    everything = compare(capsys, "epochs=2+width=8", "epochs=4+width=8", "--all")
    assert "python.version" in everything
    assert "python.version" not in few


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["quick"], "name 2 to 26 experiments or studies, not 1"),
        (["quick", "nobody"], "study quick has no experiment 'nobody'"),
        (["epochs=2", "quick"], "'epochs=2' fits 4 experiments of quick: "),
        (["mroe:epochs=4", "quick"], "results has no results of study 'mroe'; a run makes them; did you mean 'more'"),
    ],
)
def test_a_wrong_name_is_explained(
    project: Path, capsys: pytest.CaptureFixture[str], names: list[str], message: str
) -> None:
    assert cli.main(["compare", *names]) == 2
    assert capsys.readouterr().err.startswith(message)
