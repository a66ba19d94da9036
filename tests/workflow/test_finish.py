"""The finish hook, with real commands."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fairmesh.errors import InputError
from fairmesh.study.settings import Finish, load_config
from fairmesh.workflow import finish
from fairmesh.workflow.finish import FinishHook

SUMMARY = {"study": "sweep", "state": "done", "text": "größer"}
WRITE = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"


def call(exit_code: int = 0, **finish: Any) -> None:
    FinishHook(Finish(**finish)).call(exit_code, lambda: SUMMARY)


def test_the_command_reads_the_summary_and_no_shell_reads_the_command(tmp_path: Path) -> None:
    heard = tmp_path / "heard $(touch x); `id`"
    call(command=[sys.executable, "-c", WRITE, str(heard)])
    assert json.loads(heard.read_bytes()) == SUMMARY


@pytest.mark.parametrize(("when", "exit_code", "calls"), [("always", 0, 1), ("failure", 0, 0), ("failure", 1, 1)])
def test_it_is_called_when_it_is_wanted(tmp_path: Path, when: str, exit_code: int, calls: int) -> None:
    heard = tmp_path / "heard"
    call(exit_code, command=[sys.executable, "-c", WRITE, str(heard)], when=when)
    assert heard.exists() == bool(calls)


@pytest.mark.parametrize(
    ("command", "line"),
    [
        (["/no/such/program"], "/no/such/program: No such file or directory"),
        (["sh", "-c", "exit 3"], "sh ended with status 3"),
    ],
)
def test_a_failing_command_is_one_line(command: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    call(command=command)
    assert capsys.readouterr().err == f"warning: finish: {line}\n"


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(finish, "TIMEOUT", 0.2)
    call(command=["sleep", "60"])
    assert "sleep did not end within" in capsys.readouterr().err


def test_a_summary_that_cannot_be_made_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def broken() -> dict[str, Any]:
        raise ValueError("no plan")

    FinishHook(Finish(command=["touch", str(tmp_path / "called")])).call(1, broken)
    assert capsys.readouterr().err == "warning: finish: no summary to send: ValueError: no plan\n"
    assert not list(tmp_path.iterdir())


def test_a_missing_program_is_reported_before_the_run() -> None:
    assert list(FinishHook(Finish(command=["no-such-program"])).preflight_warnings()) == [
        "finish: program 'no-such-program', to be called at the end of the run, is not found"
    ]
    assert not list(FinishHook(Finish(command=["sh"])).preflight_warnings())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("finish: {command: notify}", "'finish.command' must be a list, not 'notify'"),
        ("finish: {when: never}", "'finish.when' must be 'always' or 'failure', not 'never'"),
        ("finish: {hook: x}", "unknown key 'finish.hook'"),
    ],
)
def test_a_mistake_in_the_configuration_is_reported(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(f"study: a\n{text}\n")
    with pytest.raises(InputError) as caught:
        load_config(path)
    assert message in str(caught.value)
