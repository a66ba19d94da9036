"""``fairmesh machines clean``, over a process of this computer in the place of ssh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairmesh import cli
from fairmesh.cli.machines import clean
from fairmesh.dispatch.mirror import RemotePlace
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.paths import StudyPaths
from fairmesh.machines.home import HOME_FILE
from tests.target.client import FINGERPRINT, FOLDER, HOME, Client

OTHER = "other/experiments/far/x=2"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """Return the client of a machine that has a finished job in each of two studies of the current project."""
    client = Client(tmp_path / "machine")
    for folder in (FOLDER, OTHER):
        client.render(folder=folder)
        client.store(folder)
        client.start(folder=folder)
        client.wait("done", folder)
        study = StudyPaths(tmp_path / "results", folder.partition("/")[0])
        study.machines.mkdir(parents=True)
        study.machine("far").write_text("{}")
    (tmp_path / "results" / HOME_FILE).write_text(f"{HOME}\n")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("{}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clean, "ssh_transport", lambda arguments: client.transport())
    yield client
    client.end()


def left(client: Client) -> list[str]:
    """Return the folders of the home; that of the runner stays."""
    return sorted(path.name for path in client.home.iterdir() if path.is_dir() and path.name != ".runner")


def test_what_a_project_has_there_is_shown_and_removed(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["machines", "clean", "far"]) == 2, "there is no terminal"
    assert cli.main(["machines", "clean", "far", "--yes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"far has in {client.home}:"
    assert [line.split(":")[0] for line in lines[1:4]] == ["  environments", "  other", "  sweep"]
    assert lines[-1].startswith("removed: ")
    assert left(client) == []


def test_a_study_whose_results_are_not_fetched_is_kept(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    job = StudyPaths(Path("results"), "sweep").job("far", "x=1")
    RemotePlace("far", "", 1, FINGERPRINT, "sweep/records/far/x=1.json").write(job)
    assert cli.main(["machines", "clean", "far", "--yes"]) == 0
    output = capsys.readouterr().out
    assert "kept: 1 experiment not fetched yet; `fairmesh status sweep` fetches what has ended" in output
    assert "kept: sweep may need it" in output
    assert left(client) == ["environments", "sweep"]


def test_a_study_that_runs_is_kept(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    client.render(seconds=60)
    client.store()
    client.start(2, force=True, run="run-2")
    client.wait("running")
    assert cli.main(["machines", "clean", "far", "--yes"]) == 0
    assert "kept: an experiment runs there" in capsys.readouterr().out
    assert left(client) == ["environments", "sweep"]


def test_a_study_that_a_process_exchanges_with_the_machine_is_kept(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = RunLock(StudyPaths(Path("results"), "other").machines / "far.lock")
    assert lock.try_take()
    assert cli.main(["machines", "clean", "far", "--yes"]) == 0
    lock.release()
    assert "kept: a run uses it now" in capsys.readouterr().out
    assert left(client) == ["environments", "other"]


@pytest.mark.parametrize(("answer", "status", "folders"), [("y", 0, 0), ("n", 1, 3)])
def test_nothing_is_removed_without_consent(
    client: Client, monkeypatch: pytest.MonkeyPatch, answer: str, status: int, folders: int
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: answer)
    assert cli.main(["machines", "clean", "far"]) == status
    assert len(left(client)) == folders


def test_a_results_folder_without_a_home_has_nothing_there(client: Client, capsys: pytest.CaptureFixture[str]) -> None:
    Path("results", HOME_FILE).unlink()
    assert cli.main(["machines", "clean", "far", "--yes"]) == 0
    assert capsys.readouterr().out.splitlines() == ["results has nothing on other machines"]
