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
    usage = {"peak_bytes": 300 << 20} | ({"energy_j": energy, "energy_method": "measured"} if energy else {})
    resources = {"runtime": 10 * axes.get("epochs", 8), "threads": 4}
    files = [{"path": "metrics.json", "bytes": 2 << 20, "sha256": "0"}]
    folder.finish(point, {"accuracy": 0.5}, seconds=seconds, usage=usage, resources=resources, files=files)


def estimate(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert cli.main(["estimate", "mine", "--results", "before", "--json", *arguments]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["estimate", "mine", "--results", "before", *arguments]) == 0
    return capsys.readouterr().out


def test_nothing_is_known_at_first(masks: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    found = estimate(capsys)
    assert found["to_run"] == 4
    assert found["asked"]["cpu_hours"] == pytest.approx(4 * (20 + 40) * 2 / 60)
    assert found["seconds"] == {"value": None, "low": None, "high": None, "known": 0, "unknown": 4}
    assert "unknown     the run time: no result of the application has it (4 experiments)" in said(capsys)


def test_one_result_gives_no_interval(masks: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    took(masks, 30, epochs=2)
    found = estimate(capsys, "--first", "1")
    assert (found["seconds"]["value"], found["seconds"]["low"]) == (30, None)
    assert "no interval one earlier result (1 experiment)" in said(capsys, "--first", "1")


def test_repeats_of_the_same_parameters_give_their_median_and_an_interval(
    masks: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    for repeat, seconds in enumerate((10, 12, 13), 1):
        took(masks, seconds, energy=50, epochs=2, repeat=repeat)
    found = estimate(capsys, "--where", "epochs == 2")
    assert [experiment["seconds"]["value"] for experiment in found["experiments"]] == [12, 12]
    (one, _) = found["experiments"]
    assert 5 < one["seconds"]["low"] < 10.5
    assert 13 < one["seconds"]["high"] < 25
    assert found["basis"] == {"repeats": 2}
    assert found["rests_on"] == [{"study": "earlier", "machine": "local", "count": 3}]
    (machine,) = found["machines"]
    assert machine["energy"]["value"] == pytest.approx(100, rel=0.1)
    assert machine["energy_basis"] == "measured"
    assert machine["memory"]["value"] == pytest.approx(300 << 20, rel=0.1)
    assert machine["storage"]["value"] == pytest.approx(4 << 20, rel=0.1)


def test_a_parameter_that_never_varied_is_scaled_by_the_time_that_the_application_requests(
    masks: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    for repeat in (1, 2):
        took(masks, 50, energy=500, epochs=8, repeat=repeat)
    found = estimate(capsys)
    assert found["seconds"]["value"] == pytest.approx(2 * 50 * 20 / 80 + 2 * 50 * 40 / 80)
    assert found["machines"][0]["energy"]["value"] == pytest.approx(2 * 500 * 20 / 80 + 2 * 500 * 40 / 80)
    assert found["basis"] == {"requested": 4}
    assert found["seconds"]["low"] is None
    assert found["reasons"] == {"epochs was always 8": 4}
    assert "beyond      epochs=2 was never measured (2 experiments)" in said(capsys)


def test_a_parameter_that_never_varied_is_not_guessed_without_a_requested_time(
    masks: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    application = Path("masks/application.yaml")
    application.write_text(APPLICATION.replace('runtime: "10 * epochs", ', ""))
    for repeat in (1, 2):
        took(masks, 50, epochs=8, repeat=repeat)
    assert estimate(capsys)["seconds"]["unknown"] == 4
    assert "unknown     the run time: epochs was always 8 (4 experiments)" in said(capsys)


def test_extrapolation_is_named_and_makes_the_interval_wider(masks: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    for epochs in (1, 2, 4, 8):
        took(masks, 10 + 5 * epochs, epochs=epochs)
    arguments = ("--set", "epochs=3,64", "--where", "repeat == 1")
    near, far = (experiment["seconds"] for experiment in estimate(capsys, *arguments)["experiments"])
    assert near["low"] < 25 < near["high"]
    assert far["low"] < 330 < far["high"]
    assert far["high"] / far["low"] > 2 * near["high"] / near["low"]
    assert far["remarks"] == ["epochs=64 is beyond 1..8 that were measured"]
    text = said(capsys, *arguments)
    assert "beyond      epochs=64 is beyond 1..8 that were measured (1 experiment)" in text
    assert "x epochs^" in text
    assert "earlier results, each left out in turn, were within the interval of 90 %" in text


def test_another_machine_counts_with_a_factor(masks: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    for epochs in (1, 2, 4):
        took(masks, 10 * epochs, machine="dgx", epochs=epochs)
    (unknown,) = estimate(capsys, "--first", "1")["experiments"]
    assert unknown["seconds"]["remarks"] == ["machine local was never measured"]
    assert unknown["seconds"]["high"] / unknown["seconds"]["low"] > 10
    took(masks, 30, epochs=1)
    (one,) = estimate(capsys, "--first", "1")["experiments"]
    assert one["seconds"]["low"] < 60 < one["seconds"]["high"]
    assert one["seconds"]["remarks"] == []
    assert one["seconds"]["high"] / one["seconds"]["low"] < 10


def test_only_named_studies_count(masks: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    took(masks, 30, epochs=2)
    took(Folder(masks.results, "slow"), 300, epochs=2, repeat=2)
    assert estimate(capsys, "--first", "1", "--from", "slow")["seconds"]["value"] == 300
    assert cli.main(["estimate", "mine", "--results", "before", "--from", "slowly"]) == 2
    assert (
        "there are no results of 'slowly' in before; did you mean 'slow'? (allowed: earlier, slow)"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(("profile", "at_once", "wall"), [("profiles/slurm", 4, 40), ("profiles/few", 2, 60)])
def test_the_wall_time_follows_from_how_many_run_at_once(
    masks: Folder, project: Path, capsys: pytest.CaptureFixture[str], profile: str, at_once: int, wall: float
) -> None:
    (project / "profiles/few").mkdir()
    (project / "profiles/few/config.yaml").write_text("executor: slurm\njobs: 2\n")
    machine = "slurm" if profile == "profiles/slurm" else "local"
    for repeat in range(1, 9):
        took(masks, 20, machine, epochs=2, repeat=repeat)
        took(masks, 40, machine, epochs=4, repeat=repeat)
    (found,) = estimate(capsys, "--profile", profile)["machines"]
    assert found["at_once"] == at_once
    assert found["wall"]["value"] == pytest.approx(wall, rel=0.1)


def test_cost_and_assumed_energy_follow_from_price_and_power(
    masks: Folder, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "config/machines.yaml").write_text(
        "local: {kind: local}\n"
        "dgx: {kind: ssh, host: dgx, slots: 2, power: 500, price: 3.6, currency: EUR}\n"
        "slurm: {kind: profile, price: 36}\n"
    )
    for repeat in range(1, 9):
        for machine in ("dgx", "slurm"):
            took(masks, 20, machine, epochs=2, repeat=repeat)
            took(masks, 20, machine, epochs=4, repeat=repeat)
    found = estimate(capsys, "--machine", "dgx", "--machine", "slurm")["estimates"]
    dgx, slurm = (answer["machines"][0] for answer in found)
    assert dgx["wall"]["value"] == pytest.approx(40, rel=0.1)
    assert dgx["cost"]["value"] == pytest.approx(0.04, rel=0.1)
    assert dgx["energy"]["value"] == pytest.approx(20_000, rel=0.1)
    assert dgx["energy_basis"] == "assumed: 500 W x wall time"
    assert slurm["cost"]["value"] == pytest.approx(0.8, rel=0.1)
    assert slurm["cost_basis"] == "36 USD an hour x hours of nodes"
    assert slurm["energy"]["value"] is None
    text = said(capsys, "--machine", "dgx", "--machine", "slurm")
    assert text.startswith("mine on 2 machines\nmachine  experiments  at once  wall time")
    assert "kWh) assumed" in text


def plan(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[dict[str, Any]], str]:
    assert cli.main(["plan", "mine", "--results", "before", "--json", *arguments]) == 0
    out, err = capsys.readouterr()
    return [experiment["resources"] for experiment in json.loads(out)["experiments"]], err


def test_upper_ends_become_resources_that_the_plan_shows(
    masks: Folder, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for epochs, seconds in ((2, 1500), (4, 2000)):
        for repeat in range(1, 5):
            took(masks, seconds + repeat, epochs=epochs, repeat=repeat)
    assert cli.main(["estimate", "mine", "--results", "before", "--write"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("mine on local: 4 of 4 experiments would run")
    assert "runtime     raised for 2 experiments, kept as requested for 2 experiments\n" in err
    assert "mem_mb      set for 4 experiments\n" in err
    path = project / "config/resources/mine.yaml"
    assert "# Written by `fairmesh estimate mine --write` on 20" in path.read_text()
    resources, err = plan(capsys)
    assert [experiment["runtime"] for experiment in resources] == [resources[0]["runtime"]] * 2 + [40, 40]
    assert 1500 / 60 < resources[0]["runtime"] < 1.3 * 1500 / 60
    assert all(300 < experiment["mem_mb"] < 500 for experiment in resources)
    warning = "runtime is raised for 2 experiments, kept as requested for 2 experiments, from an estimate"
    assert f"config/resources/mine.yaml: {warning}" in err
    assert cli.main(["estimate", "mine", "--results", "before", "--write"]) == 0
    assert "runtime     raised for 2 experiments, kept as requested for 2 experiments\n" in capsys.readouterr().err
    path.unlink()
    assert [experiment["runtime"] for experiment in plan(capsys)[0]] == [20, 20, 40, 40]


def test_resources_are_lowered_on_request_alone(
    masks: Folder, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for repeat in range(1, 5):
        took(masks, 60 + repeat, epochs=2, repeat=repeat)
        took(masks, 90 + repeat, epochs=4, repeat=repeat)
    (project / "config/machines.yaml").write_text("local: {kind: local, resources: {mem_mb: 5000}}\n")
    assert cli.main(["estimate", "mine", "--results", "before", "--write"]) == 0
    assert "runtime     kept as requested for 4 experiments\n" in capsys.readouterr().err
    assert [experiment["runtime"] for experiment in plan(capsys)[0]] == [20, 20, 40, 40]
    assert all("mem_mb" not in experiment for experiment in plan(capsys)[0])
    assert cli.main(["estimate", "mine", "--results", "before", "--write", "--lower"]) == 0
    assert "runtime     lowered for 4 experiments\n" in capsys.readouterr().err
    resources, err = plan(capsys)
    assert all(2 <= experiment["runtime"] <= 4 and experiment["mem_mb"] < 500 for experiment in resources)
    assert "config/resources/mine.yaml: runtime is lowered for 4 experiments, from an estimate" in err


def test_nothing_is_written_without_an_interval(
    masks: Folder, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    took(masks, 60, epochs=2)
    assert cli.main(["estimate", "mine", "--results", "before", "--write"]) == 0
    assert "nothing is written: no experiment that would run has an interval" in capsys.readouterr().err
    assert not (project / "config/resources").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("study: mine\nexperiments: {local: {a: {runtime: 0}}}\n", "'experiments.local.a.runtime' must be"),
        (
            "study: mine\nexperiments: {local: {a: {threads: 2}}}\n",
            "unknown key 'experiments.local.a.threads' (allowed: runtime, mem_mb)",
        ),
        ("study: mine\n", "'experiments' is missing"),
    ],
)
def test_mistakes_in_estimated_resources_are_named(
    masks: Folder, project: Path, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (project / "config/resources").mkdir()
    (project / "config/resources/mine.yaml").write_text(text)
    assert cli.main(["plan", "mine"]) == 2
    err = capsys.readouterr().err
    assert "config/resources/mine.yaml:" in err
    assert message in err


def test_rented_machines_cost_their_instances_until_these_end(
    masks: Folder, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "config/machines.yaml").write_text(
        "local: {kind: local}\n"
        "spot: {kind: cloud, provider: {create: [a], list: [b], destroy: [c]}, instances: 2, slots: 2, price: 6,"
        " idle: 10, boot: 1, budget: {hours: 0.1}}\n"
    )
    for repeat in range(1, 9):
        took(masks, 60, "spot", epochs=2, repeat=repeat)
        took(masks, 60, "spot", epochs=4, repeat=repeat)
    (found,) = estimate(capsys, "--machine", "spot")["machines"]
    assert found["at_once"] == 4
    assert found["cost"]["value"] == pytest.approx(2 * (1 + 10) / 60 * 6, rel=0.05)
    assert found["cost_basis"] == (
        "6 USD an hour x 2 instances x (wall time + 10 min idle); the budget of 0.1 h may end it before"
    )


def test_a_machine_is_one_of_machines_yaml(masks: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["estimate", "mine", "--machine", "slrm"]) == 2
    assert "config/machines.yaml names no machine 'slrm'" in capsys.readouterr().err


def test_machines_on_the_command_line_do_not_count_if_the_study_names_its_own(
    masks: Folder, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = project / "config/studies/mine.yaml"
    study.write_text(study.read_text() + "machines: {each: [local]}\n")
    assert cli.main(["estimate", "mine", "--machine", "local", "--machine", "slurm", "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["study"] == "mine"
    assert "--machine is not used, since the study names its machines: local" in printed.err
    assert cli.main(["plan", "mine", "--machine", "slurm"]) == 0
    assert "--machine is not used" in capsys.readouterr().err
    assert cli.main(["plan", "mine"]) == 0
    assert "--machine" not in capsys.readouterr().err


def test_what_has_run_is_not_counted(masks: Folder, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = load_plan("mine", project, "local")
    own = Folder(project / "before", "mine")
    for experiment in plan.experiments[:3]:
        point = {**experiment.to_json(), "selected": True}
        own.points.append(point)
        own.finish(point, {"accuracy": 1.0}, seconds=7.0, resources=experiment.resources)
    own.write_plan()
    found = estimate(capsys)
    assert (found["selected"], found["to_run"]) == (4, 1)
    assert found["seconds"]["value"] == pytest.approx(7, rel=0.05)
    assert said(capsys).startswith("mine on local: 1 of 4 experiments would run, 3 have run\n")


def test_a_broken_result_is_named_and_no_hindrance(masks: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    took(masks, 20, epochs=2)
    broken = {"a": "[]", "b": "{", "c": '{"seconds": "x"}', "d": '{"attempt": 1, "seconds": 1, "parameters": 7}'}
    for name, text in broken.items():
        Path(f"before/earlier/records/local/{name}.json").write_text(text)
    Path("before/earlier/records/local/other.json").write_text('{"application": {"name": "other"}, "seconds": "x"}')
    assert cli.main(["estimate", "mine", "--results", "before", "--json", "--first", "1"]) == 1
    out, err = capsys.readouterr()
    assert json.loads(out)["seconds"]["value"] == 20
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
    names = [name.rpartition("-")[0] for name in estimate(capsys)["stages"]]
    assert names == ["first", "second"]
