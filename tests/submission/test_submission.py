"""A study's results become a folder for MLCommons, or it is said by name what is missing."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from fairmesh import cli, schema
from fairmesh.submission import compliance, folder, identity
from fairmesh.submission.repository import Refusal, Repository, commit_of
from tests.shells import check_script
from tests.submission.conftest import COMMIT, OPTIONS, WHO, Runs

PLACE = Path("out/example/cloudmask/dgx/quick")


CHECK = compliance.check


@pytest.fixture(autouse=True)
def no_checker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the checker, which takes a second, out of the tests that are not about it."""
    monkeypatch.setattr(compliance, "check", lambda *_: [])


def submit(*options: str, status: int = 0) -> Path:
    assert cli.main(["submission", "quick", "--to", "out", *options]) == status
    return PLACE


def test_the_folder_has_the_layout_of_the_rules(runs: Runs) -> None:
    names = {path.name for path in submit(*OPTIONS).iterdir()}
    assert names == {
        "README.md",
        "config.yaml",
        "VERSION.txt",
        "run.sh",
        "result-1.txt",
        "result-2.txt",
        "job-1.sh",
        "job-2.sh",
    }
    assert (PLACE / "VERSION.txt").read_text() == "cloudmask-v1.2.0\n"


def test_the_repeats_of_the_best_point_are_submitted_in_their_order(runs: Runs) -> None:
    place = submit(*OPTIONS)
    first, second = ((place / f"result-{number}.txt").read_text() for number in (1, 2))
    assert '"value": {"accuracy": 0.89}' in first
    assert '"value": {"accuracy": 0.9}' in second
    assert schema.load_yaml(place / "config.yaml").plain()["parameters"]["epochs"] == 8


def test_of_a_metric_that_should_be_low_the_lowest_is_the_best(runs: Runs) -> None:
    runs.application["metrics"]["accuracy"]["better"] = "lower"
    runs.write_plan()
    assert '"value": {"accuracy": 0.81}' in (submit(*OPTIONS) / "result-1.txt").read_text()


def test_the_log_says_who_submits(runs: Runs) -> None:
    text = (submit(*OPTIONS) / "result-1.txt").read_text()
    for key, value in {
        "org": "Example",
        "poc_name": "Ada Example",
        "poc_email": "ada@example.org",
        "status": "onprem",
        "platform": "dgx",
        "division": "open",
        "benchmark": "cloudmask",
        "version": "cloudmask-v1.2.0",
        "github_commit_version": COMMIT,
    }.items():
        assert text.count(f'"key": "submission_{key}", "value": "{value}"') == 1, key


def test_what_the_log_says_already_is_said_once(runs: Runs) -> None:
    runs.run(0.99, submission={"org": "Other", "platform": "laptop"}, epochs=9, repeat=1)
    text = (submit(*OPTIONS) / "result-1.txt").read_text()
    assert text.count("submission_org") == text.count("submission_platform") == 1
    assert "Other" not in text


def test_the_readme_begins_with_the_table_and_lists_all_runs(runs: Runs) -> None:
    lines = (submit(*OPTIONS, "--reference", "accuracy=0.92") / "README.md").read_text().splitlines()
    assert lines[0] == "| Measurement name | Reference model value | Submitted model value |"
    assert lines[2] == "| Inference accuracy | 0.92 | 0.895 (0.831469 to 0.958531) |"
    ranked = [line.split(" | ") for line in lines if re.match(r"\| \d ", line)]
    assert [row[0] for row in ranked] == ["| 1", "| 1", "| 2", "| 2"]
    assert [row[3] for row in ranked] == ["0.89", "0.9", "0.81", "0.8"]
    assert [row[4] for row in ranked] == ["0.895", "0.895", "0.805", "0.805"]
    assert [row[-1] for row in ranked] == ["result-1.txt |", "result-2.txt |", " |", " |"]
    told = "the best of 2 by the mean of Inference accuracy over its repeats, of which higher is better."
    assert f"The submitted point is {told}" in lines


def test_without_a_reference_none_is_claimed_and_two_have_an_average_difference(runs: Runs) -> None:
    assert "| Inference accuracy | not given | 0.895 (" in (submit(*OPTIONS) / "README.md").read_text()
    runs.finish(runs.points[3], {"accuracy": 0.9, "training_time": 50.0}, files=[])
    both = ("--reference", "accuracy=0.8", "--reference", "training_time=60")
    assert "reference measurements: -4.9525\n" in (submit(*OPTIONS, *both) / "README.md").read_text()


def test_a_target_of_the_application_is_the_reference(runs: Runs) -> None:
    runs.application["metrics"]["accuracy"]["target"] = 0.95
    runs.write_plan()
    assert "| Inference accuracy | 0.95 | 0.895 (" in (submit(*OPTIONS) / "README.md").read_text()


@pytest.mark.parametrize("name", WHO)
def test_what_is_missing_is_said_by_name(runs: Runs, capsys: pytest.CaptureFixture[str], name: str) -> None:
    at = OPTIONS.index(f"--{name}")
    submit(*OPTIONS[:at], *OPTIONS[at + 2 :], status=2)
    assert re.fullmatch(f"missing: {name}: .*\n", capsys.readouterr().err)
    assert not Path("out").exists()


def test_all_that_is_missing_is_said_at_once(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runs.run(0.99, commit="", epochs=9, repeat=1)
    submit(status=2)
    said = [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()]
    assert sorted(said) == sorted([*WHO, "commit"])


def test_the_configuration_says_who_publishes(runs: Runs) -> None:
    publisher = {
        "organisation": "Example",
        "contact": {"name": "Ada Example", "email": "ada@example.org"},
        "status": "onprem",
        "platform": "dgx",
    }
    Path("config/config.yaml").write_text(schema.dump_yaml({"study": "quick", "publisher": publisher}))
    assert (submit() / "README.md").is_file()
    submit("--platform", "laptop")
    assert Path("out/example/cloudmask/laptop/quick/README.md").is_file()


def test_a_commit_is_forty_digits_of_code_as_it_was_committed(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runs.run(0.99, commit=f"{COMMIT}-dirty", epochs=9, repeat=1)
    submit(*OPTIONS, status=2)
    assert "with uncommitted changes" in capsys.readouterr().err
    submit(*OPTIONS, "--commit", "main", status=2)
    assert "must be the 40 hex digits" in capsys.readouterr().err
    assert COMMIT in (submit(*OPTIONS, "--commit", COMMIT) / "result-1.txt").read_text()


def test_repeats_of_different_commits_are_no_repeats(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    runs.run(0.95, epochs=9, repeat=1)
    runs.run(0.99, commit="f" * 40, epochs=9, repeat=2)
    submit(*OPTIONS, status=1)
    assert "different commits" in capsys.readouterr().err


def test_a_log_that_was_changed_is_refused(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    log = runs.folder / "experiments/local/epochs=8+repeat=2/attempts/1/events.mllog"
    log.write_text(log.read_text().replace("0.9", "0.99"))
    submit(*OPTIONS, status=1)
    assert "changed after the run" in capsys.readouterr().err
    log.unlink()
    submit(*OPTIONS, status=1)
    assert "no such file; run epochs=8+repeat=2 again" in capsys.readouterr().err


def test_a_study_without_results_is_told(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (runs.folder / "records/local").iterdir():
        path.unlink()
    submit(*OPTIONS, status=1)
    assert "has no finished run" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--reference", "acuracy=1"], "no metric 'acuracy' was measured (allowed: accuracy)"),
        (["--pdf", "none.pdf"], "there is no file 'none.pdf'"),
        (["--org", "///"], "holds no letter or digit"),
    ],
)
def test_a_wrong_option_is_wrong_input(
    runs: Runs, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    submit(*OPTIONS, *options, status=2)
    assert said in capsys.readouterr().err
    assert not Path("out").exists()


def test_the_pdf_is_asked_for_and_never_invented(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    place = submit(*OPTIONS)
    assert "missing: sientific_contribution.pdf" in capsys.readouterr().err
    assert "**missing**" in (place / "README.md").read_text()
    Path("mine.pdf").write_bytes(b"%PDF")
    submit(*OPTIONS, "--pdf", "mine.pdf")
    assert "missing: sientific_contribution.pdf" not in capsys.readouterr().err
    assert (place / "sientific_contribution.pdf").read_bytes() == b"%PDF"


def test_again_replaces_what_is_ours_and_keeps_what_people_added(runs: Runs) -> None:
    place = submit(*OPTIONS)
    (place / "notebook.ipynb").write_text("{}")
    runs.run(0.99, epochs=9, repeat=1)
    submit(*OPTIONS)
    assert (place / "notebook.ipynb").exists()
    assert [path.name for path in folder.results(place)] == ["result-1.txt"]


def test_no_text_of_a_person_means_anything_to_markdown_or_bash(runs: Runs) -> None:
    evil = "a|b<script>`x`$(touch pwned)\n# c"
    runs.application["title"] = evil
    runs.write_plan()
    place = submit(*OPTIONS, "--repository", "https://ada:secret@example.org/$(touch pwned)';x")
    text = (place / "README.md").read_text()
    assert "<script>" not in text.replace("\\<script\\>", "")
    assert "\n# c" not in text
    assert "secret" not in "".join(path.read_text() for path in place.iterdir())
    check_script(place / "run.sh", severity="warning")


def test_the_scripts_run_what_the_documents_name(runs: Runs, tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text("study: quick\n")
    plan = runs.folder / "plan.json"
    plan.write_text(plan.read_text().replace('"format": 1', f'"source": "{study}", "format": 1', 1))
    place = submit(*OPTIONS, "--repository", "https://example.org/code.git")
    script = (place / "run.sh").read_text()
    assert f"git checkout {COMMIT}" in script
    assert "repository=https://example.org/code.git" in script
    assert (place / "study.yaml").read_text() == "study: quick\n"
    check_script(place / "run.sh")


def test_git_is_asked_for_the_code(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    assert commit_of(code) == ""

    def git(*arguments: str) -> str:
        who = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(["git", "-C", code, *who, *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "--initial-branch=main")
    (code / "a").write_text("1")
    git("add", "a")
    git("commit", "-m", "one")
    git("tag", "v1")
    git("remote", "add", "origin", "https://me:word@example.org/code.git")
    assert commit_of(code) == git("rev-parse", "HEAD")
    assert Repository.of(code) == Repository("https://example.org/code.git", "main", "v1")
    (code / "a").write_text("2")
    assert commit_of(code).endswith("-dirty")
    assert Refusal.of(code) == Refusal()


@pytest.mark.parametrize("of_somebody_else", [True, False])
def test_a_repository_that_git_does_not_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_somebody_else: bool
) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    below = tmp_path / "toy"
    below.mkdir()
    assert Refusal.of(below) == Refusal()  # there is no commit yet
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    if of_somebody_else:
        monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")  # git's own switch for its tests
        assert Refusal.of(below) == Refusal(
            "its repository belongs to another user, so git does not read it",
            f"git config --global --add safe.directory {tmp_path}",
        )
    else:
        (tmp_path / ".git/config").write_text("[")
        assert "git does not read its repository: fatal: bad config line" in Refusal.of(below).why
    assert commit_of(below) == ""


def test_what_is_required_has_a_name_for_people() -> None:
    assert identity.REQUIRED.keys() == {*identity.NAMES, identity.COMMIT}


def test_the_checker_reports_success_and_findings(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compliance, "check", CHECK)
    submit(*OPTIONS, "--check")
    assert capsys.readouterr().out.count("SUCCESS") == 2
    submit(*OPTIONS, "--email", "nowhere", status=1)
    out = capsys.readouterr().out
    assert out.count("FAILED") == 2
    assert "CHECK for 'submission_poc_email' failed" in out


def test_where_the_checker_is_not_installed_that_is_said(
    runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compliance, "is_installed", lambda: False)
    submit(*OPTIONS)
    assert "not checked: the compliance checker is not installed" in capsys.readouterr().err
    submit(*OPTIONS, "--check", status=2)


@pytest.mark.parametrize(
    "name",
    [
        "records/local/epochs=2+repeat=1.json",
        "experiments/local/epochs=8+repeat=1/experiment.json",
        "experiments/local/epochs=8+repeat=2/job.sh",
    ],
)
def test_a_file_that_cannot_be_read_is_named(runs: Runs, capsys: pytest.CaptureFixture[str], name: str) -> None:
    path = runs.folder / name
    path.unlink()
    os.mkfifo(path)
    submit(*OPTIONS, status=1)
    assert f"{path.relative_to(Path.cwd())}: cannot be read: not a regular file; left out\n" in capsys.readouterr().err
