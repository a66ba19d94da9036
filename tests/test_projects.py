"""One rule finds the project, in every command; a study and an application may have one name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fairmesh
from fairmesh import cli, project
from fairmesh.api import Project
from fairmesh.cli import monitor, serve
from fairmesh.cli.commands import COMMANDS
from fairmesh.errors import FairmeshError, InputError
from fairmesh.files import write_text
from tests.results.builder import Folder

ROOT = Path(__file__).parents[1]
NO_PROJECT = "no project here: there is no config/config.yaml in"
FIRST, SECOND = "epochs=1", "epochs=2"
# Study and application are both called toy. OUT is replaced by a new folder.
CALLS = {
    "new": ["again", "--from", "toy"],
    "upgrade": ["--dry-run"],
    "check": [],
    "machines": [],
    "plan": [],
    "diff": ["toy", "toy"],
    "estimate": [],
    "render": ["--out", "OUT"],
    "container": [],
    "run": ["--print-command"],
    "retry": ["--dry-run"],
    "status": [],
    "logs": [],
    "cancel": ["--all"],
    "results": [],
    "compare": [FIRST, SECOND],
    "crate": [],
    "fair": [],
    "submission": ["--to", "OUT"],
    "monitor": [],
    "serve": [],
    "site": [],
    "publish": ["--to", "OUT"],
}
NAMED = {"check", "plan", "estimate", "render", "container", "status", "results", "crate", "fair", "submission"}
WITHOUT = {"init", "import", "doctor", "completion", "merge", "reproduce"}


class StoppedError(FairmeshError):
    """What takes long was about to begin."""


def make_project(folder: Path) -> Path:
    """Write a project whose study and application have one name, and results of the study."""
    application = (ROOT / "tests/toy/application.yaml").read_text()
    write_text(folder / "config/config.yaml", "study: toy\npublisher: {title: T, licence: CC-BY-4.0}\n")
    write_text(folder / "config/studies/toy.yaml", "study: toy\napplication: toy\nparameters: {value: [1, 2]}\n")
    write_text(folder / "toy/application.yaml", application)
    write_text(folder / "toy/toy.py", (ROOT / "tests/toy/toy.py").read_text())
    results = Folder(folder / "results", "toy")
    for number in (1, 2):
        results.finish(results.add(epochs=number), {"accuracy": {"value": 0.9}, "training_time": {"value": number}})
    (folder / "data/deep").mkdir(parents=True)
    return folder


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project; servers and builds of the website end before they begin."""

    def stop(*arguments: Any, **_: Any) -> None:
        raise StoppedError(" ".join(map(str, arguments)))

    for module in (monitor, serve):
        monkeypatch.setattr(module, "read_token", lambda _: "token")
        monkeypatch.setattr(module, "Project", type("Stop", (), {"of": stop}))
    monkeypatch.setattr("fairmesh.site.build.build_site", stop)
    monkeypatch.setattr("fairmesh.workflow.public.publish_public_site", stop)
    return make_project(tmp_path / "project")


def call(name: str, tmp_path: Path, *more: str) -> int:
    return cli.main([name, *(str(tmp_path / "out") if word == "OUT" else word for word in CALLS[name]), *more])


def test_every_command_is_here() -> None:
    assert CALLS.keys() | WITHOUT == COMMANDS.keys()


@pytest.mark.parametrize("name", CALLS)
def test_a_command_finds_the_project_from_a_folder_in_it_and_by_its_option(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(place)
    status = call(name, tmp_path)
    here = capsys.readouterr()
    assert "project:" not in here.err
    assert "Traceback" not in here.err
    for path in (place / "config/studies/again.yaml", *(tmp_path / "out").glob("*")):
        path.unlink() if path.is_file() else None
    for folder, more in ((place / "data/deep", []), (tmp_path, ["--project", "project"])):
        monkeypatch.chdir(folder)
        assert call(name, tmp_path, *more) == status
        there = capsys.readouterr()
        assert there.err.count(f"project: {place}\n") == 1
        (place / "config/studies/again.yaml").unlink(missing_ok=True)


@pytest.mark.parametrize("name", CALLS)
def test_without_a_project_a_command_says_so_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(serve, "read_token", lambda _: "token")
    monkeypatch.setattr(monitor, "read_token", lambda _: "token")
    assert call(name, tmp_path) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == f"{NO_PROJECT} {tmp_path} or above; `fairmesh init` makes one, --project DIR names one\n"


@pytest.mark.parametrize("name", sorted(NAMED))
def test_a_name_means_the_study_and_a_path_the_folder(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(place)
    status = call(name, tmp_path)
    before = capsys.readouterr()
    assert call(name, tmp_path, "toy") == status
    named = capsys.readouterr()
    assert named.out == before.out


def test_a_folder_with_the_name_of_no_study_is_hinted_at(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    assert cli.main(["results", "results"]) == 2
    assert "results has no results of study 'results'; ./results means the folder" in capsys.readouterr().err
    assert cli.main(["results", "./results"]) == 0


@pytest.mark.parametrize("command", [["logs", "toy"], ["cancel", "toy", "--all"], ["retry", "toy"]])
def test_the_name_of_a_study_in_the_place_of_an_experiment_is_explained(
    command: list[str], place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    assert cli.main(command) == 2
    assert capsys.readouterr().err == "toy is a study, not an experiment; name it by `--study toy`\n"


def test_a_profile_whose_executor_is_not_installed_is_named_before_snakemake_starts(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    write_text(place / "profiles/moon/config.yaml", "executor: moon\n")
    assert cli.main(["run", "--profile", "moon"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "moon/config.yaml: 'executor': snakemake_executor_plugin_moon cannot be imported" in line


def test_results_and_files_are_read_without_a_project(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place.parent)
    for arguments in (
        ["results", "project/results/toy"],
        ["status", "project/results/toy"],
        ["compare", FIRST, SECOND, "--study", "project/results/toy"],
        ["crate", "project/results/toy"],
        ["check", "project/toy/application.yaml"],
        ["--version"],
    ):
        assert cli.main(arguments) == 0, capsys.readouterr().err
        assert "project: " not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("missing", "no project: there is no folder 'missing'"),
        ("file", "no project: 'file' is a file, not a folder"),
        ("bare", "no project: there is no config/config.yaml in 'bare'"),
        ("project/data", "no project: there is no config/config.yaml in 'project/data'; did you mean '{place}'?"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_an_option_that_names_no_project_is_one_line(
    place: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: str,
    message: str,
    first: bool,
) -> None:
    monkeypatch.chdir(place.parent)
    Path("file").touch()
    Path("bare").mkdir()
    option = ["--project", given]
    assert cli.main([*option, "plan"] if first else ["plan", *option]) == 2
    assert capsys.readouterr().err == message.format(place=place) + "\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "config/config.yaml: is empty"),
        ("results: r\n", "config/config.yaml: 'study' is missing: name the study"),
        ("- a\n", "config/config.yaml: 'study' is missing: name the study"),
        ("study: [\n", "config/config.yaml:"),
        ("study: quik\n", "config/config.yaml:1:8: no study 'quik'"),
    ],
)
def test_a_configuration_that_names_nothing_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    (place / "config/config.yaml").write_text(text)
    monkeypatch.chdir(place)
    assert cli.main(["plan"]) == 2
    said = capsys.readouterr().err
    assert said.startswith(message)
    assert said.count("\n") == 1


def test_the_nearest_of_nested_projects_counts(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inner = make_project(place / "data/inner")
    monkeypatch.chdir(inner / "toy")
    assert cli.main(["plan"]) == 0
    assert capsys.readouterr().err == f"project: {inner}\n"


@pytest.mark.parametrize("name", ["two words", "Übung ü", "a{b}c", "it's $HOME"])
@pytest.mark.parametrize("way", ["itself", "linked"])
def test_a_project_may_have_any_name_and_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, way: str
) -> None:
    place = make_project(tmp_path / name)
    if way == "linked":
        (tmp_path / "link").symlink_to(place)
    monkeypatch.chdir(tmp_path / ("link" if way == "linked" else name) / "data")
    for arguments in (["plan"], ["results"], ["status"], ["run", "--print-command"]):
        assert cli.main(arguments) == 0
        assert capsys.readouterr().err == f"project: {place}\n"


def test_results_that_are_a_link_out_of_the_project_lead_back_to_it(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (place / "results").rename(tmp_path / "scratch")
    (place / "results").symlink_to(tmp_path / "scratch")
    monkeypatch.chdir(place / "results/toy")
    monkeypatch.setenv("PWD", str(place / "results/toy"))
    assert project.find_project() == place
    monkeypatch.setenv("PWD", "/")
    assert project.find_project() is None


def test_a_folder_that_was_deleted_is_one_line(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place / "data/deep")
    (place / "data/deep").rmdir()
    assert cli.main(["plan"]) == 2
    assert capsys.readouterr().err == "the current folder was deleted; change to another one\n"


def test_python_has_the_same_rule(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place / "data/deep")
    assert Project.of().folder == Project.of(place).folder == place
    assert fairmesh.Study.load("toy").project.results == place / "results"
    assert fairmesh.Study.load("../../config/studies/toy.yaml").name == "toy"
    with pytest.raises(InputError, match=r"did you mean '.*project'\?"):
        Project.of(place / "data")


@pytest.mark.parametrize(("profile", "folder"), [("local", "local"), ("profiles/slurm", "slurm")])
def test_a_profile_is_the_projects_own_or_else_the_installed_one(place: Path, profile: str, folder: str) -> None:
    assert project.find_profile(profile, place) == ROOT / "profiles" / folder
    write_text(place / "profiles" / folder / "config.yaml", "cores: 1\n")
    assert project.find_profile(profile, place) == place / "profiles" / folder


def test_snakemake_says_where_the_project_is(place: Path) -> None:
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "workflow/Snakefile"), "-n"]
    for folder, words in ((place / "data", f"start Snakemake in the project: cd {place}"), (place.parent, NO_PROJECT)):
        done = subprocess.run(command, cwd=folder, env=os.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert words in done.stderr
        assert "Traceback" not in done.stderr
