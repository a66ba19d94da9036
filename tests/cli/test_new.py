"""Something to begin with: it is right as it is, and nothing is written over."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fairmesh import cli
from fairmesh.results import load_study
from fairmesh.schema import load_yaml
from fairmesh.study import load_plan


def test_a_study_has_every_parameter_of_its_application(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["new", "first", "--application", "toy"]) == 0
    path = project / "config/studies/first.yaml"
    text = path.read_text()
    assert capsys.readouterr().out == (
        "wrote config/studies/first.yaml\n1 experiment of toy; next: fairmesh plan first\n"
    )
    plan = load_plan("first", project, "local")
    assert (len(plan.experiments), plan.warnings) == (1, [])
    for name in plan.application.parameters:
        assert f"{name}: " in text
    assert "seconds: 0 " in text
    assert "# s; at least 0; How long it takes" in text
    assert max(map(len, text.splitlines())) <= 120


def test_every_remark_can_be_made_to_count(project: Path) -> None:
    assert cli.main(["new", "first", "--application", "toy"]) == 0
    path = project / "config/studies/first.yaml"
    lines = path.read_text().splitlines(keepends=True)
    start = lines.index("parameters:\n")
    counting = [line.replace("# ", "", 1) if line.lstrip().startswith("# ") else line for line in lines[start:]]
    path.write_text("".join([*lines[:start], *counting]))
    plan = load_plan("first", project, "local")
    assert set(plan.axes) == {*plan.application.parameters, "repeat"}
    assert len(plan.experiments) == 5


def test_what_has_no_default_must_be_named(project: Path) -> None:
    folder = project / "needy"
    folder.mkdir()
    (folder / "application.yaml").write_text(
        'name: needy\nversion: "1"\ncommand: ["true"]\nparameters:\n'
        "  kind: {type: string, enum: [on, off]}\n  size: {type: integer, minimum: 3}\n"
        "  share: {type: number, exclusiveMinimum: 0}\n  flags: {type: array, items: {type: string}}\n"
    )
    assert cli.main(["new", "needs", "--application", "needy"]) == 0
    (experiment,) = load_plan("needs", project, "local").experiments
    assert experiment.parameters == {"kind": "on", "size": 3, "share": 1, "flags": []}


def test_a_study_like_another_keeps_its_remarks(project: Path) -> None:
    assert cli.main(["new", "like", "--from", "sweep"]) == 0
    old, new = ((project / f"config/studies/{name}.yaml").read_text() for name in ("sweep", "like"))
    assert new == old.replace("study: sweep", "study: like")
    assert len(load_plan("like", project, "local").experiments) == 4


def test_an_application_named_by_a_path_is_still_found(project: Path) -> None:
    (project / "there").mkdir()
    (project / "there/own.yaml").write_text("study: own  # mine\napplication: ../tests/toy\n")
    assert cli.main(["new", "copy", "--from", "there/own.yaml"]) == 0
    assert load_yaml(project / "config/studies/copy.yaml").plain() == {
        "study": "copy",
        "application": "../../tests/toy",
    }
    assert len(load_plan("copy", project, "local").experiments) == 1


@pytest.mark.parametrize("language", ["python", "shell"])
def test_an_application_runs_as_it_is(project: Path, language: str) -> None:
    assert cli.main(["new", "pi", "--program", language]) == 0
    assert cli.main(["check", "pi", "pi/application.yaml"]) == 0
    assert cli.main(["render", "pi", "--out", "out"]) == 0
    environment = os.environ | {"SLURM_JOB_ID": "1"}
    done = subprocess.run(["bash", "out/pi/submit.sh"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (outcome,) = load_study(project / "out", "pi").done
    assert outcome.metrics["error"].value < 0.1
    assert "status=running progress=100" in " ".join(outcome.log_tail())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sweep", "--application", "toy"], "NAME: config/studies/sweep.yaml exists already; choose another name\n"),
        (["toys", "--application", "tpy"], "--application: no application 'tpy'; did you mean 'toy'? "),
        (["x", "--from", "swep"], "no study 'swep'; did you mean 'sweep'? (allowed: quick, sweep)\n"),
        (["config", "--program", "python"], "NAME: config exists already; choose another name\n"),
        (["../x", "--from", "sweep"], "NAME: 'study' must be a name of at most 100 letters, "),
        (["stages", "--from", "sweep"], "NAME: 'study' must not be 'stages'"),
    ],
)
def test_nothing_is_written_where_something_is_wrong(
    project: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    before = sorted(project.rglob("*"))
    assert cli.main(["new", *arguments]) == 2
    assert capsys.readouterr().err.startswith(message)
    assert sorted(project.rglob("*")) == before
