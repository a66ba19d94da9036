"""All mistakes at once."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from fairmesh import cli

MACHINES = "local, slurm, sge, lsf"


def test_everything_that_is_here_is_right(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", "--all"]) == 0
    out, err = capsys.readouterr()
    kinds = [line.split(": ")[1].split(",")[0] for line in out.splitlines()]
    profiles = ["profile"] * len(list((project / "profiles").iterdir()))
    assert kinds == ["configuration", "machines", *profiles, "application", "study", "study"]
    assert err == ""


def test_all_mistakes_of_all_things_come_at_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = project / "config/studies/sweep.yaml"
    study.write_text(study.read_text().replace("repeat:", "repaet:").replace("value:", "valu:"))
    (project / "config/machines.yaml").write_text("local: {kind: lokal}\ndgx: {kind: local, resources: {mem: 1}}\n")
    (project / "profiles/local/machine.yaml").write_text("machin: local\n")
    assert cli.main(["check", "--all", "nothing"]) == 2
    assert capsys.readouterr().err == "name what to check, or use --all\n"
    assert cli.main(["check", "--all"]) == 2
    lines = capsys.readouterr().err.splitlines()
    for start in (
        "config/machines.yaml:1:15: 'local.kind' must be 'local', 'profile', 'ssh' or 'cloud'",
        "profiles/local/machine.yaml:1:1: unknown key 'machin'; did you mean 'machine'?",
        "config/studies/sweep.yaml:6:14: 'parameters.valu'",
        "config/studies/sweep.yaml:7:1: unknown key 'repaet'; did you mean 'repeat'?",
    ):
        assert any(line.startswith(start) for line in lines), start
    assert lines[-1].endswith(
        f"mistakes, in {lines[-1].split()[-3]} of {5 + len(list((project / 'profiles').iterdir()))}"
    )


def test_a_mistake_that_several_share_is_said_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    application = project / "tests/toy/application.yaml"
    application.write_text(application.read_text().replace("licence:", "license:"))
    assert cli.main(["check", "sweep", "tests/toy", "tests/toy/application.yaml"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert [line for line in lines if "unknown key 'license'" in line] == [lines[0]]
    assert lines[-1] == "1 mistake, in 3 of 3"


def test_a_configuration_names_what_is_there(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "config/config.yaml").write_text("study: quik\nmachine: dgx\n")
    assert cli.main(["check", "config/config.yaml"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "config/config.yaml:1:8: no study 'quik'; did you mean 'quick'? (allowed: quick, sweep)",
        f"config/config.yaml:2:10: 'machine': config/machines.yaml names no machine 'dgx' (allowed: {MACHINES})",
        "2 mistakes, in 1 of 1",
    ]


def test_a_profile_names_a_machine_that_there_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "profiles/slurm/machine.yaml").write_text("machine: slrum\n")
    assert cli.main(["check", "profiles/slurm"]) == 2
    assert "names no machine 'slrum'; did you mean 'slurm'?" in capsys.readouterr().err


def test_a_profile_that_does_not_load_its_machine_is_warned_of(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = project / "profiles/slurm/config.yaml"
    config.write_text("".join(line for line in config.read_text().splitlines(True) if "configfile" not in line))
    assert cli.main(["check", "profiles/slurm"]) == 0
    assert "its 'configfile' does not load machine.yaml" in capsys.readouterr().err


FIRST = '[sh, -c, \'exec python3 -IS "$FAIRMESH_APPLICATION/toy.py" numbers "$0"\', "{{ size }}"]'


@pytest.mark.parametrize(
    ("command", "warning"),
    [
        ("[bahs, x]", "13:15: there is no program 'bahs' in PATH"),
        (
            '[sh, "{{ application }}/tyo.py"]',
            "13:19: there is no file '{{ application }}/tyo.py'; did you mean 'toy.py'?",
        ),
        ('["{{application}}/run.sh"]', "13:15: there is no file '{{application}}/run.sh'"),
        ('[sh, "{{ application }}/toy.py"]', ""),
        ('[sh, "{{ application }}/{{ size }}"]', ""),
        ('[touch, "{{ application }}/new"]', ""),
        ("[/bin/sh, nothing]", ""),
    ],
)
def test_a_missing_program_or_file_in_a_command_is_warned_of(
    project: Path, capsys: pytest.CaptureFixture[str], command: str, warning: str
) -> None:
    application = project / "tests/toy/application.yaml"
    assert FIRST in application.read_text()
    application.write_text(application.read_text().replace(FIRST, command))
    assert cli.main(["check", "sweep"]) == 0
    err = capsys.readouterr().err
    assert f"tests/toy/application.yaml:{warning}" in err if warning else err == ""
    machines = project / "config/machines.yaml"
    machines.write_text("local: {kind: local, setup: [export PATH=/opt/bin:$PATH]}\n")
    assert cli.main(["check", "sweep"]) == 0
    assert capsys.readouterr().err == "", "the setup may provide it"


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("study: x\napplication: toy\nparameters: {value: [1, 2]}\n", 0, ""),
        ("study: x\napplication: toy\nparameters: {valu: 1}\n", 2, "study.yaml:3:14: 'parameters.valu'"),
        ("study: x\napplication: ./toy\n", 2, "study.yaml:2:14: 'application' must be the name of an installed"),
        ("a: [1\n", 2, "study.yaml:2:1: "),
    ],
)
def test_a_text_from_standard_input(
    project: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    status: int,
    message: str,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert cli.main(["check", "-"]) == status
    assert capsys.readouterr().err.startswith(message)


def test_json_has_every_mistake_with_its_place(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "config/studies/sweep.yaml").write_text("study: sweep\napplication: toi\n")
    assert cli.main(["check", "sweep", "profiles/local", "nothing", "--json"]) == 2
    study, profile, nothing = json.loads(capsys.readouterr().out)
    assert study["problems"][0]["where"] == "config/studies/sweep.yaml:2:14"
    assert study["problems"][0]["near"] == "toy"
    assert (profile["kind"], profile["is_right"], nothing["is_right"]) == ("profile", True, False)


def test_a_study_named_unlike_its_file_is_a_warning(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "config/studies/methods.yaml").write_text("study: src\napplication: toy\n")
    assert cli.main(["check", "methods"]) == 0
    out, err = capsys.readouterr()
    assert out == "config/studies/methods.yaml: study, valid: 1 experiment of toy\n"
    assert err == (
        "warning: config/studies/methods.yaml: the study is named 'src', its file 'methods';"
        " plan and run it as 'methods', read its results as 'src', or give both the same name\n"
    )
