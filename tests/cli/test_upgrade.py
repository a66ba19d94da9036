"""An upgrade renews what init wrote, keeps what a person changed, and shows the difference first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import fairmesh
from fairmesh import cli
from fairmesh.api import upgrade
from fairmesh.workflow.study_input import StudyInput

PROFILE, STUDY, GITLAB = "profiles/local/config.yaml", "config/studies/first.yaml", ".gitlab-ci.yml"
NEW_LINE = "verbose: true                # new in this version\n"
Release = Callable[..., None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return a project, in which the test is."""
    monkeypatch.chdir(tmp_path)
    assert cli.main(["init"]) == 0
    capsys.readouterr()
    return tmp_path


@pytest.fixture
def release(monkeypatch: pytest.MonkeyPatch) -> Release:
    """Return a function that installs another version of fairmesh, with changes of the framework's files."""
    made = upgrade.framework_files

    def install(version: str, **changes: Callable[[str], str]) -> None:
        def files(folder: Path, profiles: list[str]) -> dict[str, str]:
            texts = made(folder, profiles) | ({"new.txt": ""} if "new" in changes else {})
            names = {"profile": PROFILE, "gitlab": GITLAB, "new": "new.txt"}
            return texts | {names[name]: change(texts[names[name]]) for name, change in changes.items()}

        monkeypatch.setattr(upgrade, "framework_files", files)
        monkeypatch.setattr(fairmesh, "__version__", version)

    return install


def _edit(path: Path, old: str, new: str) -> str:
    text = path.read_text().replace(old, new)
    path.write_text(text)
    return text


def test_a_fresh_project_has_nothing_to_renew(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (project / ".fairmesh.json").read_text()
    (project / STUDY).write_text("# of a person\n")
    assert cli.main(["upgrade"]) == 0
    assert capsys.readouterr().out == f"all files are those of fairmesh {fairmesh.__version__}, or changed by you\n"
    assert (project / ".fairmesh.json").read_text() == before


def test_the_difference_is_shown_before_a_file_is_renewed(
    project: Path, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (project / PROFILE).read_text()
    release("9.0", profile=lambda text: text + NEW_LINE)
    assert cli.main(["upgrade", "--dry-run"]) == 0
    assert f"+{NEW_LINE}" in capsys.readouterr().out
    assert cli.main(["upgrade"]) == 2
    out, err = capsys.readouterr()
    assert f"+{NEW_LINE}" in out
    assert err == "nothing was changed; --yes changes the files, --dry-run only shows the differences\n"
    assert (project / PROFILE).read_text() == before
    assert cli.main(["upgrade", "--yes"]) == 0
    assert capsys.readouterr().out.endswith(f"wrote {PROFILE}\n")
    assert (project / PROFILE).read_text() == before + NEW_LINE
    assert json.loads((project / ".fairmesh.json").read_text())["version"] == "9.0"
    assert upgrade.version_notice(project) == ""


@pytest.mark.parametrize(("answer", "is_renewed"), [("y", True), ("", False), ("no", False)])
def test_on_a_terminal_it_asks(
    project: Path, release: Release, monkeypatch: pytest.MonkeyPatch, answer: str, is_renewed: bool
) -> None:
    release("9.0", profile=lambda text: text + NEW_LINE)
    monkeypatch.setattr("fairmesh.cli.upgrade.is_interactive", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: answer)
    assert cli.main(["upgrade"]) == 0
    assert (NEW_LINE in (project / PROFILE).read_text()) is is_renewed


def test_changes_of_a_person_are_merged(project: Path, release: Release) -> None:
    edited = _edit(project / PROFILE, "cores: all", "cores: 4  ")
    release("9.0", profile=lambda text: text + NEW_LINE)
    assert cli.main(["upgrade", "--yes"]) == 0
    assert (project / PROFILE).read_text() == edited + NEW_LINE


def test_a_file_changed_in_the_same_line_is_kept_and_shown_once(
    project: Path, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = _edit(project / PROFILE, "cores: all", "cores: 4  ")
    release("9.0", profile=lambda text: text.replace("cores: all", "cores: 2  "))
    assert cli.main(["upgrade", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "+cores: 2" in out
    assert out.endswith(f"kept {PROFILE}: the same lines were changed here and in fairmesh\n")
    assert (project / PROFILE).read_text() == edited
    assert cli.main(["upgrade"]) == 0
    assert capsys.readouterr().out == "all files are those of fairmesh 9.0, or changed by you\n"


def test_new_files_are_added_and_removed_ones_stay_away(project: Path, release: Release) -> None:
    (project / GITLAB).unlink()
    release("9.0", new=lambda text: "new\n", gitlab=lambda text: text + "# new\n")
    assert cli.main(["upgrade", "--yes"]) == 0
    assert (project / "new.txt").read_text() == "new\n"
    assert not (project / GITLAB).exists()


def test_files_that_init_did_not_write_are_kept_and_shown(
    project: Path, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / ".fairmesh.json").unlink()
    edited = _edit(project / PROFILE, "cores: all", "cores: 4  ")
    assert cli.main(["upgrade", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "-cores: 4" in out
    assert out.endswith(f"kept {PROFILE}: the text that init wrote is unknown\n")
    assert (project / PROFILE).read_text() == edited


def test_a_file_that_existed_before_init_is_a_persons_own(
    tmp_path: Path, release: Release, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / GITLAB).write_text("test: {script: make test}\n")
    assert cli.main(["init", "--here"]) == 0
    capsys.readouterr()
    assert cli.main(["upgrade", "--dry-run"]) == 0
    assert "changed by you" in capsys.readouterr().out


def test_an_old_project_is_told_how_to_upgrade(project: Path, release: Release) -> None:
    release("9.0")
    assert upgrade.version_notice(project) == ""
    release("9.0", profile=lambda text: text + NEW_LINE)
    expected = "1 file is of fairmesh 0.1.0; `fairmesh upgrade` shows what is new"
    assert upgrade.version_notice(project) == expected


def test_a_project_of_a_newer_version_is_not_changed(
    project: Path, release: Release, capsys: pytest.CaptureFixture[str]
) -> None:
    release("0.0.1", profile=lambda text: text + NEW_LINE)
    assert cli.main(["upgrade", "--yes"]) == 2
    line = "this project is of fairmesh 0.1.0, and 0.0.1 is installed; update fairmesh"
    assert capsys.readouterr() == ("", f".fairmesh.json: {line}\n")
    assert upgrade.version_notice(project) == line
    assert NEW_LINE not in (project / PROFILE).read_text()


@pytest.mark.parametrize("text", ["[]", "{", '{"version": 1, "files": {}}', '{"version": "1", "files": []}', "<<<<<<<"])
def test_a_broken_record_is_one_line(project: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (project / ".fairmesh.json").write_text(text)
    assert cli.main(["upgrade"]) == 1
    out, err = capsys.readouterr()
    assert (out, err.startswith(".fairmesh.json: "), err.count("\n")) == ("", True, 1)


@pytest.mark.parametrize("version", ["9.0", "0.0.1"])
def test_a_project_of_another_version_is_named_by_runs_and_doctor(
    project: Path, release: Release, capsys: pytest.CaptureFixture[str], version: str
) -> None:
    release(version, profile=lambda text: text + NEW_LINE)
    notice = upgrade.version_notice(project)
    assert list(StudyInput.read({}, project).warnings()) == [notice]
    cli.main(["doctor"])
    assert f"warn  project        {notice}" in capsys.readouterr().out
