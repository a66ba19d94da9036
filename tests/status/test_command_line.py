"""What ``fairmesh status``, ``cancel``, ``retry`` and ``logs`` print."""

from __future__ import annotations

import argparse
import json
import os
import pty
import sys
from pathlib import Path

import pytest

from fairmesh import cli
from fairmesh.cli import logs
from fairmesh.errors import FairmeshError
from fairmesh.files import write_text
from fairmesh.status import JobStatus, remote
from tests.status.conftest import Study


@pytest.fixture
def place(study: Study, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Return a study with failures, one of which tries to steer terminals."""
    write_text(study.results.parent / "config/config.yaml", "study: quick\n")
    monkeypatch.chdir(study.results.parent)
    study.title = "A \x1b[31mtitle"
    for epochs in range(12):
        attempt = study.start(study.add(epochs=epochs), "failed", reason="exit code 3\x1b[2J", started="x")
        write_text(attempt / "job.log", f"epoch {epochs}\n\x1b]0;owned\x07the end\n")
    study.finish(study.add(epochs=20), {"accuracy": 0.9})
    study.add(epochs=30)
    return study


def test_failures_come_first_and_are_not_too_many(place: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "results/quick", "--limit", "2"]) == 0
    said = capsys.readouterr().out
    assert said.splitlines() == [
        "quick: A title",
        "[#####################################...]  93%",
        "1 waiting, 1 done, 12 failed",
        "failed: epochs=0: exit code 3",
        "    epoch 0",
        "    the end",
        "failed: epochs=1: exit code 3",
        "    epoch 1",
        "    the end",
        "... and 10 more that failed; show them with --limit 12",
    ]


def test_several_studies_are_shown_one_after_another(place: Study, capsys: pytest.CaptureFixture[str]) -> None:
    other = Study(place.results, "other", "")
    other.add(epochs=1)
    assert cli.main(["status", "./results"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("other\n")
    assert "\n\nquick: A title\n" in out
    assert cli.main(["status", "./results", "--json"]) == 0
    assert [item["study"] for item in json.loads(capsys.readouterr().out)] == ["other", "quick"]
    assert cli.main(["status", "./results", "--watch"]) == 2
    assert capsys.readouterr().err == "./results holds several studies (allowed: other, quick)\n"


def test_watching_what_has_ended_ends_and_says_whether_it_is_good(
    place: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["status", "quick", "--watch"]) == 1
    out = capsys.readouterr().out
    assert " 93%  1 waiting, 1 done, 12 failed\nquick: A title\n" in out
    good = Study(place.results, "good")
    good.finish(good.add(epochs=1), {"accuracy": 0.9})
    assert cli.main(["status", "good", "--watch", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["counts"]["done"] == 1


def test_on_a_terminal_there_is_colour_and_nothing_of_the_programs(place: Study) -> None:
    def spawn(*arguments: str) -> str:
        said = b""

        def read(descriptor: int) -> bytes:
            nonlocal said
            data = os.read(descriptor, 4096)
            said += data
            return data

        os.environ["TERM"], before = "xterm", os.environ.get("TERM", "")
        try:
            pty.spawn([sys.executable, "-m", "fairmesh.cli", *arguments], read)
        finally:
            os.environ["TERM"] = before
        return said.decode()

    said = spawn("status", "quick", "--limit", "1")
    assert "\x1b[31mfailed: epochs=0: exit code 3\x1b[0m" in said
    assert "owned" not in said
    assert "\x1b[2J" not in said
    assert "1 waiting, 1 done, 12 failed" in spawn("status", "quick", "--watch")


def test_logs_of_several_say_whose_they_are(place: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["logs", "--study", "quick", "--where", "epochs < 2", "--lines", "1"]) == 0
    titles = [f"==> epochs={number}: exit code 3 <==" for number in (0, 1)]
    assert capsys.readouterr().out == "".join(f"{title}\nthe end\n" for title in titles)
    assert cli.main(["logs", "--study", "quick", "epochs=1"]) == 0
    assert capsys.readouterr() == ("epoch 1\nthe end\n", "==> epochs=1: exit code 3 <==\n")
    assert cli.main(["logs", "epochs=0", "--study", "quick", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"epochs=0 on local": ["epoch 0", "the end"]}
    assert cli.main(["logs", "epochs=30", "--study", "quick"]) == 0
    assert capsys.readouterr().out == ""
    assert cli.main(["logs", "--follow", "--study", "quick"]) == 2
    allowed = "epochs=0, epochs=1, epochs=2, epochs=3, epochs=4, ..."
    assert capsys.readouterr().err == f"--follow: only one log can be followed, not 12; name one (allowed: {allowed})\n"


def test_a_machine_that_does_not_answer_does_not_end_following(
    place: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Stand-in for a machine: it answers every second time, and then all is fetched.
    answers: list[list[str] | None] = [None, ["a", "b"], None, ["a", "b", "c"]]
    folder = place.job(next(point for point in place.points if point["axes"] == {"epochs": 20}))

    def read_log(*_: object) -> list[str] | None:
        if not answers:
            return None
        lines = answers.pop(0)
        if lines is None:
            raise FairmeshError("far: no answer")
        return lines

    job = JobStatus("experiment", "epochs=20", "far", "k", "running", folder=str(folder), attempt=1)
    monkeypatch.setattr(remote, "read_log", read_log)
    write_text(folder / "attempts/1/job.log", "a\nb\nc\nd")
    log = logs._FollowedLog(place.paths, job, argparse.Namespace(attempt=None, lines=9))
    seen = [list(log.read(job, last=False)) for _ in range(4)]
    assert [*seen, list(log.read(job, last=True))] == [[], ["a"], [], ["b"], ["c", "d"]]
    assert capsys.readouterr().err == "warning: far: no answer\n"


@pytest.mark.parametrize("command", ["logs", "retry", "cancel"])
def test_a_study_in_the_place_of_an_experiment_is_named(
    place: Study, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    assert cli.main([command, "quick", "--study", "quick"]) == 2
    assert capsys.readouterr().err == "'quick' is a study, not an experiment; write --study quick\n"


def test_what_needs_nothing_is_said(place: Study, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["cancel", "epochs=20", "--study", "quick"]) == 0
    assert capsys.readouterr().out == "epochs=20: done, nothing to cancel\n"
    assert cli.main(["retry", "epochs=20", "--study", "quick"]) == 0
    assert capsys.readouterr().out == "epochs=20: done, nothing to retry\nnothing to retry\n"
    assert cli.main(["cancel", "epochs=20", "--study", "quick", "--json"]) == 0
    assert [other["id"] for other in json.loads(capsys.readouterr().out)["others"]] == ["epochs=20"]


def test_a_retry_while_a_run_goes_on_says_what_comes_and_what_does_not(
    place: Study, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run()
    failed = next(point for point in place.points if point["axes"] == {"epochs": 0})
    place.start(failed, "failed", reason="exit code 3", run="this-run")
    waiting = next(point for point in place.points if point["axes"] == {"epochs": 30})
    write_text(place.job(waiting) / "cancel.json", "{}")
    assert cli.main(["retry", "epochs=30", "--study", "quick"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("epochs=30: was cancelled, cancelled by somebody\nrun this-run goes on as process ")
    assert out.endswith("and will start them\n")
    assert cli.main(["retry", "epochs=0", "--study", "quick"]) == 1
    assert "does not start these again; wait for its end: epochs=0" in capsys.readouterr().err


def test_the_command_of_a_run_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in ("config/config.yaml", "profiles/local/config.yaml", "s.yaml"):
        write_text(tmp_path / file, "study: quick\n")
    write_text(tmp_path / "Snakefile", "from fairmesh.workflow import SNAKEFILE\n")
    monkeypatch.chdir(tmp_path)
    options = ["--where", "epochs > 1", "--first", "2", "--set", "epochs=1,5", "--wait", "--snakemake=--forceall"]
    assert cli.main(["run", "s.yaml", *options, "-n", "--quiet", "--print-command"]) == 0
    more = "--forceall --quiet --dry-run"
    shown = f"-m snakemake --profile profiles/local {more} --config study=./s.yaml 'where=epochs > 1' first=2 wait=true"
    assert f'{shown} \'set={{"epochs": "1,5"}}\'' in capsys.readouterr().out
    assert cli.main(["run", "--profile", "profiles/locla", "--print-command"]) == 2
    assert "--profile: there is no profile 'profiles/locla'" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["cancel", "logs", "retry"])
def test_a_study_file_is_not_an_experiment(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([command, "quick.yaml"]) == 2
    line = "'quick.yaml' is not an experiment; to name a study, write --study quick.yaml\n"
    assert capsys.readouterr() == ("", line)
