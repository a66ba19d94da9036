"""The archive: whole, the same bytes from the same files, with the metadata that Zenodo takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from fairmesh import cli
from fairmesh.files import read_json, write_json
from fairmesh.runner import commit
from tests.fair.conftest import Results
from tests.results.builder import ON_MACHINES, note_machines


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of one's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def zipped(out: str = "out") -> Path:
    assert cli.main(["crate", "results/sweep", "--zip", "--out", out]) == 0
    (archive,) = Path(out).glob("*.zip")
    return archive


def test_the_same_files_give_the_same_archive(results: Results, tmp_path: Path) -> None:
    """Another process, order of hashing, time zone, time of the files, folder and order within it change nothing."""
    first = zipped_elsewhere(tmp_path, PYTHONHASHSEED="1", TZ="UTC")
    copy = tmp_path / "copy"
    for path in sorted(results.home.rglob("*"), reverse=True):
        if path.is_file():
            target = copy / path.relative_to(tmp_path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            os.utime(target, (0, 0))
    for path in set(tmp_path.iterdir()) - {results.home, copy, tmp_path / "out"}:
        (copy / path.name).symlink_to(path)
    second = zipped_elsewhere(copy, PYTHONHASHSEED="2", TZ="Asia/Tokyo")
    assert (second.name, second.read_bytes()) == (first.name, first.read_bytes())


def zipped_elsewhere(folder: Path, **environment: str) -> Path:
    """Make the archive in a process of its own."""
    command = [sys.executable, "-m", "fairmesh.cli", "crate", "results/sweep", "--zip", "--out", "out"]
    subprocess.run(command, cwd=folder, env=os.environ | environment, check=True, timeout=300)
    (archive,) = folder.glob("out/*.zip")
    return archive


def test_what_a_run_notes_of_its_machines_is_not_in_the_archive(results: Results) -> None:
    note_machines(results.study)
    with zipfile.ZipFile(zipped()) as file:
        for name in file.namelist():
            assert not [text for text in ON_MACHINES if text.encode() in file.read(name) or text in name], name
    for path in results.study.glob("*.json*"):
        assert not [text for text in ON_MACHINES if text in path.read_text()], path


def test_the_archive_is_a_crate_of_its_own(results: Results, tmp_path: Path) -> None:
    with zipfile.ZipFile(zipped()) as file:
        assert "ro-crate-metadata.json" in file.namelist()
        assert [name for name in file.namelist() if "run.lock" in name or "claims" in name or "fair.json" in name] == []
        file.extractall(tmp_path / "copy")
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=tmp_path / "copy", check=True)
    assert cli.main(["fair", str(tmp_path / "copy")]) == 0


def test_files_of_odd_names_are_archived_or_named(
    results: Results, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What sha256sum escapes is escaped; a name that is not UTF-8 has no place in a zip file."""
    record = min((results.study / "records/local").glob("*.json"))
    folder = results.study / "experiments/local" / record.stem
    attempt = folder / "attempts" / str(read_json(record)["attempt"])
    for name in (b"two\nlines", b"Icon\r", b"back\\slash", b"gr\xfc.txt"):
        (attempt / os.fsdecode(name)).write_bytes(name)
    content = read_json(record) | {"files": commit.list_files(str(folder), str(attempt), lambda: None)}
    for path in (record, folder / "commit.json"):
        write_json(path, content)
    archive = zipped()
    assert f"attempts/{attempt.name}/gr\\xfc.txt is not named in UTF-8, and is left out" in capsys.readouterr().err
    copy = tmp_path / "copy"
    with zipfile.ZipFile(archive) as file:
        file.extractall(copy)
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=copy, check=True)
    below = copy / attempt.relative_to(results.study)
    assert {"two\nlines", "Icon\r", "back\\slash"} <= {path.name for path in below.iterdir()}
    assert cli.main(["fair", str(copy)]) == 0


def test_zenodo_gets_what_it_asks_for(results: Results) -> None:
    metadata = read_json(zipped().with_suffix(".zenodo.json"))["metadata"]
    assert metadata["title"] == "A study of toys"
    assert metadata["upload_type"] == "dataset"
    assert metadata["license"] == "cc-by-4.0"
    assert metadata["creators"] == [
        {"name": "Example, Ada", "affiliation": "University of Virginia", "orcid": "0000-0002-1825-0097"}
    ]


def test_what_is_missing_is_said_and_the_rest_is_written(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    results.publisher(licence="")
    zipped()
    out, err = capsys.readouterr()
    assert "missing: publisher.licence: " in err
    assert "failed" in out


def test_a_study_without_results_is_one_line(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    for record in (results.study / "records/local").iterdir():
        results.forget(record.stem)
    assert cli.main(["crate", "results/sweep"]) == 1
    assert capsys.readouterr().err == "no experiment of sweep has a result\n"


def test_a_result_whose_record_is_gone_gives_the_same_archive(results: Results) -> None:
    first = zipped("one")
    for record in results.study.glob("records/local/*.json"):
        record.unlink()
    second = zipped("two")
    assert (second.name, second.read_bytes()) == (first.name, first.read_bytes())
