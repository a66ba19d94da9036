"""What a study will take, and on what that rests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairmesh import cli
from fairmesh.study import load_plan
from tests.results.builder import Folder

APPLICATION = """
name: cloudmask
version: "1.2.0"
command: ["true"]
parameters:
  epochs: {type: integer, default: 8}
  width: {type: integer, default: 8}
  learning_rate: {type: number, default: 0.001}
  seed: {type: integer, default: 1, seed: true}
resources: {runtime: "10 * epochs", threads: 4}
"""


@pytest.fixture
def masks(project: Path) -> Folder:
    """Return a project with a study of two experiments, repeated twice, and earlier results of its application."""
    (project / "masks").mkdir()
    (project / "masks/application.yaml").write_text(APPLICATION)
    (project / "config/studies/mine.yaml").write_text(
        "study: mine\napplication: masks\nmeasure: shared\nparameters: {epochs: [2, 4]}\nrepeat: 2\n"
    )
    return Folder(project / "before", "earlier")


def took(folder: Folder, seconds: float, machine: str = "local", energy: float | None = None, **axes: Any) -> None:
    point = folder.add(machine, **axes)
    usage = {"energy_j": energy, "energy_method": "measured"} if energy else {}
    resources = {"runtime": 10 * axes.get("epochs", 8)}
    folder.finish(point, {"accuracy": 0.5}, seconds=seconds, usage=usage, resources=resources)


def estimate(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert cli.main(["estimate", "mine", "--results", "before", "--json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_nothing_is_known_at_first(masks: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    found = estimate(capsys)
    assert found["to_run"] == 4
    assert found["asked"]["cpu_hours"] == pytest.approx(4 * (20 + 40) * 2 / 60)
    assert found["expected"]["unknown"] == 4
    assert found["expected"]["seconds"] is None
    assert cli.main(["estimate", "mine", "--results", "before"]) == 0
    assert "unknown     the run time of all of them: no similar experiment has run" in capsys.readouterr().out


def test_the_median_of_the_same_parameters_counts(masks: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    for repeat, seconds in enumerate((10, 12, 100), 1):
        took(masks, seconds, energy=50, epochs=2, repeat=repeat)
    took(masks, 30, epochs=4, repeat=1)
    found = estimate(capsys)
    assert found["expected"]["seconds"] == 2 * 12 + 2 * 30
    assert found["rests_on"]["likeness"] == {"same": 4}
    assert found["rests_on"]["records"] == [{"study": "earlier", "machine": "local", "count": 4}]
    assert (found["expected"]["energy_j"], found["expected"]["energy_of"]) == (100, 2)
    assert found["rests_on"]["energy_methods"] == ["measured"]


def test_like_parameters_are_scaled_by_the_time_that_the_application_asks_for(
    masks: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    took(masks, 50, energy=500, epochs=8)
    found = estimate(capsys)
    assert found["expected"]["seconds"] == 2 * 50 * 20 / 80 + 2 * 50 * 40 / 80
    assert found["expected"]["energy_j"] == 2 * 500 * 20 / 80 + 2 * 500 * 40 / 80
    assert (found["rests_on"]["likeness"], found["rests_on"]["scaled"]) == ({"like": 4}, 4)


def test_those_that_share_the_most_count(masks: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    took(masks, 80, epochs=8, width=8)
    took(masks, 800, epochs=8, width=64)
    assert estimate(capsys, "--first", "1")["expected"]["seconds"] == 20


def test_another_machine_counts_only_where_this_one_has_nothing(
    masks: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    took(masks, 5, machine="dgx", epochs=2)
    assert estimate(capsys, "--first", "1")["rests_on"]["records"][0]["machine"] == "dgx"
    took(masks, 50, epochs=2)
    found = estimate(capsys, "--first", "1")
    assert (found["expected"]["seconds"], found["rests_on"]["records"][0]["machine"]) == (50, "local")


@pytest.mark.parametrize(("profile", "at_once", "wall"), [("profiles/slurm", 4, 40), ("profiles/few", 2, 60)])
def test_the_wall_time_follows_from_how_many_run_at_once(
    masks: Folder, project: Path, capsys: pytest.CaptureFixture[str], profile: str, at_once: int, wall: float
) -> None:
    (project / "profiles/few").mkdir()
    (project / "profiles/few/config.yaml").write_text("executor: slurm\njobs: 2\n")
    took(masks, 20, epochs=2)
    took(masks, 40, epochs=4)
    found = estimate(capsys, "--profile", profile)["expected"]
    assert (found["at_once"], found["wall_seconds"]) == (at_once, wall)


def test_what_has_run_is_not_counted(masks: Folder, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = load_plan("mine", project, "local")
    own = Folder(project / "before", "mine")
    for experiment in plan.experiments[:3]:
        point = {**experiment.to_json(), "selected": True}
        own.points.append(point)
        own.finish(point, {"accuracy": 1.0}, seconds=7.0, resources=experiment.resources)
    own.write_plan()
    found = estimate(capsys)
    assert (found["selected"], found["to_run"], found["expected"]["seconds"]) == (4, 1, 7)
    assert cli.main(["estimate", "mine", "--results", "before"]) == 0
    assert capsys.readouterr().out.startswith("mine on local: 1 of 4 experiments would run, 3 have run\n")


def test_a_broken_result_is_named_and_no_hindrance(masks: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    took(masks, 20, epochs=2)
    broken = {"a": "[]", "b": "{", "c": '{"seconds": "x"}', "d": '{"attempt": 1, "seconds": 1, "parameters": 7}'}
    for name, text in broken.items():
        Path(f"before/earlier/records/local/{name}.json").write_text(text)
    Path("before/earlier/records/local/other.json").write_text('{"application": {"name": "other"}, "seconds": "x"}')
    assert cli.main(["estimate", "mine", "--results", "before", "--json", "--first", "1"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["expected"]["seconds"] == 20
    named = [line.partition(": cannot be read: ")[0] for line in err.splitlines()]
    assert named == [f"before/earlier/records/local/{name}.json" for name in broken]


def test_a_stage_that_is_needed_indirectly_is_among_those_to_run(
    masks: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = """
stages:
  first: {command: ["true"]}
  second: {command: ["true"], needs: [first]}
  last: {command: ["true"], needs: [second]}
"""
    application = Path("masks/application.yaml")
    application.write_text(APPLICATION.replace('command: ["true"]', stages.strip()))
    names = [name.rpartition("-")[0] for name in estimate(capsys)["expected"]["stages"]]
    assert names == ["first", "second"]
