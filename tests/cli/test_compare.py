"""Side by side on the terminal."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from fairmesh import cli
from fairmesh.cli import commands
from fairmesh.study import load_plan
from tests.results.builder import Folder


def compare(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["compare", *arguments]) == 0
    return capsys.readouterr().out


def test_points_of_the_configured_study(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = compare(capsys, "epochs=2+width=8", "epochs=4+width=8").splitlines()
    assert lines[:2] == [
        "A  quick: epochs=2 width=8 on local, 2 of 2 with a result",
        "B  quick: epochs=4 width=8 on local, 2 of 2 with a result",
    ]
    assert "Parameters: 1 of 3 differ" in lines
    assert "  epochs  2  4" in lines
    assert any("Inference accuracy" in line and "better, beyond the noise of the repeats" in line for line in lines)
    assert lines[-1] == "Environment: 0 of 12 differ"


def test_studies_by_name_and_by_folder(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_name = compare(capsys, "quick", "more", "--json")
    assert by_name == compare(capsys, "results/quick", "results/more", "--json")
    assert [side["study"] for side in json.loads(by_name)["sides"]] == ["quick", "more"]


def test_a_study_beside_an_experiment_of_another(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(compare(capsys, "quick", "more:epochs=16+width=4+repeat=1", "epochs=2+width=8", "--json"))
    assert found["kind"] == "experiments"
    assert [(side["study"], side["name"], side["n"]) for side in found["sides"]] == [
        ("quick", "epochs=8 width=8", 1),
        ("more", "epochs=16 width=4 #1", 1),
        ("quick", "epochs=2 width=8", 2),
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
        (["epochs=2", "quick"], "'epochs=2' fits 2 points of quick: "),
        (["mroe:epochs=4", "quick"], "results has no results of study 'mroe'; a run makes them; did you mean 'more'"),
    ],
)
def test_a_wrong_name_is_explained(
    project: Path, capsys: pytest.CaptureFixture[str], names: list[str], message: str
) -> None:
    assert cli.main(["compare", *names]) == 2
    assert capsys.readouterr().err.startswith(message)


ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "site/docs/tutorial/first-study.md").read_text(encoding="utf-8").splitlines()
COMMANDS = [
    line for line in [*commands.COMMANDS["compare"].examples, *TUTORIAL] if line.startswith("fairmesh compare ")
]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_help_and_tutorial_show_works(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("quick", "convergence"):
        plan = load_plan(ROOT / f"config/studies/{name}.yaml", ROOT, "local")
        folder = Folder(tmp_path / "results", name)
        for experiment in plan.experiments:
            folder.finish(folder.add(**experiment.axes), {"accuracy": 0.9})
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("study: quick\n")
    (tmp_path / "Snakefile").touch()
    monkeypatch.chdir(tmp_path)
    assert compare(capsys, *shlex.split(command)[2:]).startswith("A  quick: ")


@pytest.mark.parametrize(
    ("name", "point"),
    [
        ("width=8+epochs=2", "epochs=2 width=8"),
        ("local/epochs=4,width=8", "epochs=4 width=8"),
        ("epochs=2+width=8+repeat=1", "epochs=2 width=8 #1"),
    ],
)
def test_a_point_is_named_by_axes_in_any_order(
    project: Path, capsys: pytest.CaptureFixture[str], name: str, point: str
) -> None:
    found = json.loads(compare(capsys, name, "epochs=8+width=8", "--json"))
    assert found["sides"][0]["name"] == point


def two_machines(project: Path) -> None:
    """Write a study with results of two machines."""
    folder = Folder(project / "results", "machines")
    for machine, factor in (("laptop", 1.0), ("dgx", 0.5)):
        for repeat, noise in enumerate((0.0, 1.0, 2.0), 1):
            point = folder.add(machine, epochs=1, repeat=repeat)
            folder.finish(point, {"accuracy": {"value": 0.9}}, seconds=factor * (100 + noise) + noise / 10)


def test_the_machines_of_a_study_are_compared(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two_machines(project)
    text = compare(capsys, "--by", "machine", "machines")
    assert text.startswith("machines: 2 machines, compared with laptop\n")
    assert "  dgx: Inference accuracy not distinguishable (n = 3, rough), Time (s) 0.50" in text
    assert "not distinguishable from laptop: equal in 3 pairs" in text
    assert "laptop  3 of 3   Intel(R) Xeon(R) Platinum 8480+  2      8 GiB" in text


def test_another_reference_turns_the_ratio_round(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    two_machines(project)
    ratios = []
    for reference in ("laptop", "dgx"):
        found = json.loads(compare(capsys, "--by", "machine", "machines", "--reference", reference, "--json"))
        (quantity,) = (quantity for quantity in found["quantities"] if quantity["name"] == "seconds")
        ratios += [change["ratio"] for change in quantity["machines"] if change]
    assert ratios[0] * ratios[1] == pytest.approx(1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--by", "machine", "quick"], "study quick has results of only local; comparing needs two machines"),
        (["--by", "machine", "quick", "more"], "--by machine compares the machines of one study; 2 are named"),
        (["quick", "more", "--reference", "dgx"], "--reference needs --by machine"),
    ],
)
def test_what_cannot_be_compared_by_machine_is_one_line(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert cli.main(["compare", *arguments]) == 2
    assert message in capsys.readouterr().err
