"""The doctor as a verb: what it prints, and with which status it ends."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairmesh.cli import doctor, main
from fairmesh.cli.doctor.base import FAIL, OK, WARN, CheckedProject, Finding

ROOT = Path(__file__).parents[3]
Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Work in a folder with a right configuration, and give what writes a file there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))

    def written(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    written("config/config.yaml", "study: ./study.yaml\n")
    written("study.yaml", f"study: study\napplication: {ROOT}/tests/toy\nparameters: {{value: [1, 2]}}\n")
    return written


def examined(capsys: pytest.CaptureFixture[str], *arguments: str, status: int) -> dict[str, Finding]:
    assert main(["doctor", "--json", *arguments]) == status
    told = json.loads(capsys.readouterr().out)
    findings = [Finding(**finding) for finding in told["findings"]]
    assert sum(told["counts"].values()) == len(findings)
    return {finding.topic: finding for finding in findings}


def test_what_is_in_order_ends_with_0(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    found = examined(capsys, status=0)
    assert found["study"].message == "study: 2 experiments"
    assert found["machines.yaml"].level == found["profile"].level == OK


@pytest.mark.parametrize(
    ("file", "text", "topic", "advice"),
    [
        (
            "config/config.yaml",
            "study: x\nresluts: y\n",
            "config.yaml",
            "config/config.yaml:2:1: unknown key 'resluts'",
        ),
        ("config/config.yaml", "study: [\n", "config.yaml", "config/config.yaml:"),
        ("study.yaml", "study: study\n", "study", "study.yaml:1:1: 'application' is missing"),
        ("config/machines.yaml", "local: {kind: locla}\n", "machines.yaml", "did you mean 'local'?"),
        ("config/machines.yaml", "lokal: {kind: local}\n", "machines.yaml", "names no machine 'local'"),
        ("profiles/local/config.yaml", "cores: [\n", "profile", "profiles/local/config.yaml:"),
    ],
)
def test_a_file_that_is_wrong_is_told_with_its_place(
    write: Write, capsys: pytest.CaptureFixture[str], file: str, text: str, topic: str, advice: str
) -> None:
    write(file, text)
    told = examined(capsys, status=1)[topic]
    assert (told.level, advice in told.advice) == (FAIL, True), told


def test_a_folder_that_is_no_project_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    message = examined(capsys, status=1)["config.yaml"].message
    assert message == "no project: no config/config.yaml in this folder or above"


def test_an_unknown_profile_is_wrong_input(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--profile", "slrum"]) == 2
    assert "there is no profile 'slrum'; did you mean 'slurm'?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["profiles/slurm-lean", "slurm-lean"])
def test_a_profile_may_be_called_by_its_name(write: Write, name: str) -> None:
    found = CheckedProject.of(Path(), name)
    assert (found.executor, found.machine) == ("fairmesh", "slurm")


def test_a_check_that_hangs_or_breaks_hides_no_other() -> None:
    project = CheckedProject(Path(), Path(), "local", "local", Path())
    never = threading.Event()

    def hangs(_: CheckedProject) -> Iterator[Finding]:
        yield Finding(OK, "begins", "well")
        never.wait(60)

    def breaks(_: CheckedProject) -> Iterator[Finding]:
        yield Finding(OK, "first", "well")
        raise ValueError("no such thing")

    found = doctor.examine(project, {"slow": hangs, "broken": breaks}, 0.2)
    never.set()
    assert [(finding.level, finding.topic) for finding in found] == [
        (OK, "begins"),
        (WARN, "slow"),
        (OK, "first"),
        (FAIL, "broken"),
    ]
    assert "ValueError: no such thing" in found[-1].message


def test_a_line_says_how_bad_what_and_what_to_do() -> None:
    found = [Finding(OK, "disk", "5 GiB"), Finding(FAIL, "slurm client", "missing", "load its module")]
    assert list(doctor.lines(found)) == [
        "ok    disk          5 GiB",
        "fail  slurm client  missing  -> load its module",
    ]
    assert "\x1b[31mfail " in list(doctor.lines(found, color=True))[1]
