"""The command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fairmesh import cli
from fairmesh.cli import options
from fairmesh.errors import FairmeshError
from fairmesh.study import Plan
from fairmesh.workflow.forecast import Forecast

SUMS = Path(__file__).parent / "study" / "data" / "sums"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "config" / "studies"
    folder.mkdir(parents=True)
    (tmp_path / "config/config.yaml").write_text("study: small\n")
    (folder / "small.yaml").write_text(
        f"study: small\napplication: {SUMS}\nparameters: {{count: [1, 2]}}\nexclude: [{{count: 3}}]\n"
    )
    monkeypatch.chdir(folder)
    return tmp_path


def test_plan_lists_the_experiments(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "small", "--machine", "dgx", "--limit", "1"]) == 0
    out, err = capsys.readouterr()
    heads, row, count, hours = out.splitlines()
    assert heads == "experiment  key           state    why it would run"
    assert row.startswith("count=1  ")
    assert row.endswith("  waiting  new")
    assert count == "2 experiments of small on dgx; 2 would run"
    assert hours == "they request 0.3 CPU hours, 0.0 GPU hours"
    assert err == f"project: {here}\nwarning: small.yaml:4:11: this exclude removes nothing\n"


def test_plan_notes_what_would_not_run_in_a_column_of_its_own(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_notes(plan: Plan, *_: object) -> list[Forecast]:
        first, second = plan.selected
        return [Forecast(first, "done", note="measured with other code"), Forecast(second, "failed", "failed before")]

    monkeypatch.setattr("fairmesh.cli.plan.forecast", with_notes)
    assert cli.main(["plan", "small"]) == 0
    heads, done, failed, *_ = capsys.readouterr().out.splitlines()
    assert heads == "experiment  key           state   why it would run  note"
    assert done.split("  ")[-1] == "measured with other code"
    assert failed.endswith("  failed before")


def test_plan_prints_json(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "small", "--json"]) == 0
    assert [experiment["id"] for experiment in json.loads(capsys.readouterr().out)["experiments"]] == [
        "count=1",
        "count=2",
    ]


def test_wrong_input_is_one_line_and_status_2(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["plan", "smal"]) == 2
    assert capsys.readouterr().err == f"project: {here}\nno study 'smal'; did you mean 'small'? (allowed: small)\n"


@pytest.mark.parametrize(("error", "status"), [(FairmeshError("no"), 1), (KeyboardInterrupt(), 130)])
def test_nothing_ends_in_a_traceback(
    here: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr(options, "selected_plan", fail)
    assert cli.main(["plan", "small"]) == status


def test_a_reader_that_goes_away_is_no_error(here: Path) -> None:
    command = f"{sys.executable} -m fairmesh.cli plan small --json | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
