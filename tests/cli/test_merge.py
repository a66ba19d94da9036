"""Merging on the command line: what is said, and that what came together is read by the other verbs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairmesh import cli
from tests.results.builder import Folder


def test_results_are_brought_and_said(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["merge", "results", "--into", "merged"]
    assert cli.main([*call, "--dry-run"]) == 0
    lines = [
        "more: 6 results of local merged",
        "quick: 10 results of local merged",
        "more: 1 attempt without a result of local merged",
        "quick: 1 attempt without a result of local merged",
    ]
    assert capsys.readouterr().out.splitlines() == [line.replace("merged", "would be merged") for line in lines]
    assert not (project / "merged").exists()
    assert cli.main(call) == 0
    assert capsys.readouterr().out.splitlines() == lines
    assert cli.main(call) == 0
    assert capsys.readouterr().out == "more: 6 results exist already\nquick: 10 results exist already\n"


@pytest.mark.parametrize("verb", ["status", "results", "logs", "compare"])
def test_the_other_verbs_read_what_came_together(project: Path, capsys: pytest.CaptureFixture[str], verb: str) -> None:
    there = Folder(project / "there", "quick")
    there.finish(there.add("dgx", epochs=2, width=4, repeat=1), {"accuracy": 0.99})
    assert cli.main(["merge", "results/quick", "there", "--into", "merged"]) == 0
    calls = {
        "compare": ["local/epochs=2+width=4+repeat=1", "dgx/epochs=2+width=4+repeat=1", "--study", "merged/quick"],
        "logs": ["--study", "merged/quick", "--json"],
    }
    capsys.readouterr()
    assert cli.main([verb, *calls.get(verb, ["merged/quick"])]) == 0
    assert ("dgx" in capsys.readouterr().out) is (verb in {"results", "compare"})


def test_conflicts_are_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Folder(project / "other")
    other.finish(other.add(epochs=2, width=4, repeat=1), {"accuracy": 0.1})
    assert cli.main(["merge", "other", "--into", "results", "--json"]) == 1
    out, err = capsys.readouterr()
    where = f"{project}/other/quick/local/epochs=2+width=4+repeat=1"
    assert json.loads(out)["conflicts"][0].startswith(where)
    assert err.splitlines()[0].startswith(f"conflict: {where}: results/quick/experiments/local/")
    assert err.splitlines()[-1] == "nothing was merged"


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        (["nowhere"], "FROM: there is no folder 'nowhere'\n"),
        (["results", "./results"], "FROM: 'results' is the target folder\n"),
    ],
)
def test_a_wrong_folder_is_said(
    project: Path, capsys: pytest.CaptureFixture[str], sources: list[str], message: str
) -> None:
    assert cli.main(["merge", *sources, "--into", "results"]) == 2
    assert message in capsys.readouterr().err


def test_a_project_is_no_results_folder(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "config").mkdir(exist_ok=True)
    (project / "config/config.yaml").touch()
    assert cli.main(["merge", ".", "--into", "merged"]) == 2
    assert "FROM: '.' is a project; its results are in 'results'" in capsys.readouterr().err


def test_a_renamed_study_folder_is_one_line(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "results/quick").rename(project / "copy")
    assert cli.main(["merge", "copy", "--into", "merged"]) == 0
    line = f"skipped: {project}/copy: holds results of study 'quick'; rename the folder to quick\n"
    assert capsys.readouterr() == ("no results to merge\n", line)
