"""A copy for others: it does not tell who ran what where, it is whole all the same, and it can be repeated."""

from __future__ import annotations

import getpass
import os
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairmesh import cli
from fairmesh.errors import FairmeshError
from fairmesh.fair.archive import Redaction
from fairmesh.fair.scorecard import score
from fairmesh.files import file_sha256, read_json, write_json
from fairmesh.results import load_study
from fairmesh.study.settings import Publisher
from fairmesh.workflow.public import public_copy
from tests.fair.conftest import Results

FIRST = "size=4+value=1+repeat=1"
HOST = "node-0815.cluster.example.org"
HOME = "/home/ada/benchmarks"


def write_history(results: Results, text: str) -> None:
    """Add this file to the first experiment and to its record."""
    history = results.study / f"experiments/local/{FIRST}/attempts/1/history.csv"
    history.write_text(text)
    record = read_json(results.record(FIRST))
    for entry in record["files"]:
        if entry["path"].endswith("history.csv"):
            entry |= {"sha256": file_sha256(history), "bytes": history.stat().st_size}
    write_json(results.record(FIRST), record)


@pytest.fixture
def telling(results: Results) -> Results:
    """Return results in which host and home stand wherever a real run would put them."""
    for status in results.study.glob("experiments/local/*/attempts/1/status.json"):
        write_json(status, read_json(status) | {"host": HOST})
    plan = read_json(results.study / "plan.json")
    write_json(results.study / "plan.json", plan | {"source": f"{HOME}/study.yaml"})
    write_history(results, f"epoch,place\n1,{HOME} on {HOST}\n")
    record = read_json(results.record(FIRST))
    record["provenance"]["scheduler"] = {"name": "slurm", "job": "7", "variables": {"SLURM_JOB_NODELIST": HOST}}
    write_json(results.record(FIRST), record)
    assert results.describe()
    return results


def copied(results: Results, place: Path, **publisher: Any) -> Path:
    results.describe()
    assert public_copy(load_study(results.home, "sweep"), place, Publisher(**publisher), Path("no project"))
    return place / "sweep"


def telltale(folder: Path, *words: str) -> set[str]:
    """Return the words that some file, or its name, still has."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {word for word in words for path in files if word.encode() in path.read_bytes() or word in str(path)}


def test_homes_and_hosts_are_gone_and_the_copy_is_whole(telling: Results, tmp_path: Path) -> None:
    assert telltale(telling.study, HOST, HOME) == {HOST, HOME}
    copy = copied(telling, tmp_path / "copy")
    assert telltale(copy, HOST, "/home/ada") == set()
    hosts = {read_json(path)["host"] for path in copy.rglob("status.json")}
    assert hosts == {"host-1"}
    assert "~/benchmarks on host-" in (copy / f"experiments/local/{FIRST}/attempts/1/history.csv").read_text()
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=copy, check=True)
    assert score(copy).counts["fails"] == 0
    assert read_json(copy / "fair.json")["fails"] == 0


def test_a_record_says_what_was_changed(telling: Results, tmp_path: Path) -> None:
    before = {file["path"]: file["sha256"] for file in read_json(telling.record(FIRST))["files"]}
    record = read_json(copied(telling, tmp_path / "copy") / f"records/local/{FIRST}.json")
    after = {file["path"]: file for file in record["files"]}
    assert after["attempts/1/history.csv"]["original"] == before["attempts/1/history.csv"]
    assert after["attempts/1/metrics.json"] == {
        "path": "attempts/1/metrics.json",
        "sha256": before["attempts/1/metrics.json"],
        "bytes": (telling.study / f"experiments/local/{FIRST}/attempts/1/metrics.json").stat().st_size,
    }
    assert (tmp_path / f"copy/sweep/environments/{record['environment']}.json").exists()


def test_a_copy_never_takes_the_place_of_the_results(results: Results) -> None:
    with pytest.raises(FairmeshError, match="would replace the results themselves"):
        public_copy(load_study(results.home, "sweep"), results.home, Publisher(), Path("no project"))
    assert results.record(FIRST).exists()


@pytest.mark.parametrize(("logs", "there"), [(False, 0), (True, 4)])
def test_logs_are_there_if_they_are_asked_for(results: Results, tmp_path: Path, logs: bool, there: int) -> None:
    copy = copied(results, tmp_path / "copy", logs=logs)
    assert len(list(copy.rglob("job.log"))) == there
    assert score(copy).counts["fails"] == 0


@pytest.mark.parametrize(("redact", "kept"), [([], {HOST, HOME}), (["homes"], {HOST}), (["hosts"], {HOME})])
def test_what_is_not_to_be_taken_out_stays(telling: Results, tmp_path: Path, redact: list[str], kept: set[str]) -> None:
    assert telltale(copied(telling, tmp_path / "copy", redact=redact), HOST, HOME) == kept


def test_words_of_the_publisher_and_the_folder_of_the_project_are_gone(telling: Results, tmp_path: Path) -> None:
    write_history(telling, f"epoch,place\n1,{tmp_path}/data for project-42 by ada9zoe of /home/ada9zoe\n")
    plan = read_json(telling.study / "plan.json")
    write_json(telling.study / "plan.json", plan | {"source": "/home/ada9zoe/study.yaml"})
    telling.describe()
    study = load_study(telling.home, "sweep")
    assert public_copy(study, tmp_path / "copy", Publisher(hide=["project-42"]), tmp_path)
    text = (tmp_path / f"copy/sweep/experiments/local/{FIRST}/attempts/1/history.csv").read_text()
    assert text == "epoch,place\n1,project/data for hidden by user of ~\n"


def versions(*folders: Path) -> set[str]:
    """Return the versions that the documents of packages name."""
    crates = (read_json(folder / "ro-crate-metadata.json")["@graph"] for folder in folders)
    named = {entity["version"] for crate in crates for entity in crate if entity["@id"] == "./"}
    return named | {read_json(folder / "datapackage.json")["version"] for folder in folders}


def test_the_archive_is_the_copy_for_others_unless_the_whole_is_asked_for(
    telling: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for out, options in (("public", []), ("whole", ["--whole"])):
        assert cli.main(["crate", "results/sweep", "--zip", "--out", out, *options]) == 0
        with zipfile.ZipFile(next(Path(out).glob("*.zip"))) as file:
            file.extractall(f"{out}/files")
    assert telltale(Path("public/files"), HOST, HOME) == set()
    assert telltale(Path("whole/files"), HOST, HOME) == {HOST, HOME}
    assert versions(telling.study, Path("public/files"), Path("whole/files")) == versions(telling.study)
    assert cli.main(["reproduce", "public/files", "--experiment", FIRST, "--yes"]) == 0


@pytest.mark.parametrize(
    "obstacle",
    [
        os.mkfifo,
        os.mkdir,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: os.truncate(os.open(path, os.O_WRONLY | os.O_CREAT), 1 << 42),
    ],
)
def test_what_is_no_file_of_results_stops_no_publication(
    telling: Results, tmp_path: Path, obstacle: Callable[[Path], object]
) -> None:
    obstacle(telling.study / "experiments/local" / FIRST / "attempts/1/odd.json")
    assert telltale(copied(telling, tmp_path / "copy"), HOST, HOME) == set()


@pytest.mark.parametrize("spoil", [os.mkfifo, os.mkdir, lambda path: path.write_bytes(b"\xff")])
def test_an_environment_that_cannot_be_read_is_missing(results: Results, spoil: Callable[[Path], object]) -> None:
    (environment,) = (results.home / "environments").glob("*.json")
    environment.unlink()
    spoil(environment)
    described = results.describe()
    assert described
    assert [line for line in described.missing if line.startswith(f"{environment}: ")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("read /home/ada/data/x.csv", "read ~/data/x.csv"),
        ("/Users/ada lives there", "~ lives there"),
        ("data=~2fhome~2fada~2fscenes+epochs=1", "data=~7e~2fscenes+epochs=1"),
        ("homework and /homepage stay", "homework and /homepage stay"),
        (f"/scratch/{getpass.getuser()}/run", "/scratch/user/run"),
        (f"{getpass.getuser()}@example.org", "user@example.org"),
        (f"USER={getpass.getuser()}", "USER=user"),
        ("the root of the matter", "the root of the matter"),
    ],
)
def test_only_what_tells_something_is_replaced(results: Results, text: str, expected: str) -> None:
    redaction = Redaction.of(load_study(results.home, "sweep"), ["homes", "users", "hosts"])
    assert redaction.text(text) == expected


@pytest.mark.parametrize("host", ["local", "vm"])
def test_a_host_with_a_name_that_means_something_else_is_replaced_only_where_a_host_is_meant(
    results: Results, host: str
) -> None:
    for status in results.study.glob("experiments/local/*/attempts/1/status.json"):
        write_json(status, read_json(status) | {"host": host})
    redaction = Redaction.of(load_study(results.home, "sweep"), ["hosts"])
    assert redaction.text(f"records/{host}/value=1") == f"records/{host}/value=1"
    assert redaction.text(f'{{"host": "{host}"}}') == '{"host": "host-1"}'
