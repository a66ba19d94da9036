"""Machines of several owners, failed attempts and runs in one folder: what is kept apart, brought, and left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairmesh.files import write_json, write_text
from fairmesh.jobs.paths import StudyPaths
from fairmesh.results import load_study
from fairmesh.results.machines import compare_machines
from fairmesh.results.merge import Merge, prepare
from fairmesh.results.merge_apply import apply_merge
from fairmesh.results.owners import short_name
from fairmesh.results.selection import filter_results
from fairmesh.results.table import table
from fairmesh.status.reader import RunReader
from tests.results.builder import Folder, digest
from tests.results.test_merge import finish, merged

ADA = {"organisation": "University of Amsterdam", "authors": [{"name": "Ada Example", "orcid": "0000-0002-1825-0097"}]}
BOB = {"organisation": "Vrije Universiteit", "authors": [{"name": "Bob Example"}]}
RUN = "5b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11"


def laptop(place: Path, publisher: dict[str, Any], accuracy: float, *epochs: int, machine: str = "laptop") -> Folder:
    """Build the results of a person on a machine."""
    folder = Folder(place, publisher=publisher)
    for number in epochs or (1, 2):
        finish(folder, folder.add(machine, epochs=number), {"accuracy": {"value": accuracy}})
    return folder


def outcomes(into: Path) -> list[tuple[str, str, str]]:
    return [(item.machine, item.id, item.owner.person) for item in load_study(into, "quick").experiments]


def test_equal_machine_names_of_two_organizations_are_kept_apart(tmp_path: Path) -> None:
    ada, bob = laptop(tmp_path / "ada", ADA, 0.9), laptop(tmp_path / "bob", BOB, 0.8)
    merge = merged(tmp_path / "all", ada.results, bob.results)
    assert merge.counts == {("quick", "laptop"): 2, ("quick", "laptop.vrije-universiteit"): 2}
    assert outcomes(tmp_path / "all") == [
        ("laptop", "epochs=1", "Ada Example"),
        ("laptop.vrije-universiteit", "epochs=1", "Bob Example"),
        ("laptop", "epochs=2", "Ada Example"),
        ("laptop.vrije-universiteit", "epochs=2", "Bob Example"),
    ]
    study = load_study(tmp_path / "all", "quick")
    assert {outcome.state for outcome in study.experiments} == {"done"}
    record = study.experiments[1].record or {}
    assert record["owner"] == {"organisation": "Vrije Universiteit", "person": "Bob Example", "machine": "laptop"}
    assert all(outcome.attempt and (outcome.attempt / "job.log").is_file() for outcome in study.done)
    owners = {side.name: side.owners for side in compare_machines(study).sides}
    assert owners["laptop"] == "Ada Example, University of Amsterdam"


def test_owners_are_columns_and_can_be_selected(tmp_path: Path) -> None:
    merged(tmp_path / "all", laptop(tmp_path / "ada", ADA, 0.9).results, laptop(tmp_path / "bob", BOB, 0.8).results)
    study = load_study(tmp_path / "all", "quick")
    assert set(table(study)["organisation"]) == {"University of Amsterdam", "Vrije Universiteit"}
    chosen = filter_results(study, "organisation == 'Vrije Universiteit'")
    assert {outcome.owner.person for outcome in chosen.experiments} == {"Bob Example"}


@pytest.mark.parametrize("order", [("ada", "bob"), ("bob", "ada")])
def test_the_same_again_changes_nothing_in_any_order(tmp_path: Path, order: tuple[str, str]) -> None:
    laptop(tmp_path / "ada", ADA, 0.9)
    laptop(tmp_path / "bob", BOB, 0.8)
    sources = [tmp_path / name for name in order]
    merged(tmp_path / "all", *sources)
    before = digest(tmp_path / "all")
    for again in (sources, reversed(sources)):
        merge = merged(tmp_path / "all", *again)
        assert (merge.items, merge.attempts, merge.runs, merge.same) == ([], [], {}, {"quick": 4})
    assert digest(tmp_path / "all") == before


def test_what_comes_home_is_found_under_its_own_name(tmp_path: Path) -> None:
    ada, bob = laptop(tmp_path / "ada", ADA, 0.9), laptop(tmp_path / "bob", BOB, 0.8)
    merged(tmp_path / "all", ada.results, bob.results)
    home = merged(bob.results, tmp_path / "all")
    assert home.same == {"quick": 2}, "Bob's own results"
    assert home.counts == {("quick", "laptop.university-of-amsterdam"): 2}


def test_two_persons_of_one_organization_are_kept_apart_without_their_names(tmp_path: Path) -> None:
    carl = BOB | {"authors": [{"name": "Carl Example"}]}
    bob, other = laptop(tmp_path / "bob", BOB, 0.9), laptop(tmp_path / "carl", carl, 0.8)
    merge = merged(tmp_path / "all", bob.results, other.results)
    assert set(merge.counts) == {("quick", "laptop"), ("quick", "laptop.2")}
    assert merged(tmp_path / "all", other.results).items == []


def test_a_shared_machine_keeps_its_name(tmp_path: Path) -> None:
    ada = laptop(tmp_path / "ada", ADA, 0.9, 1, machine="cluster")
    bob = laptop(tmp_path / "bob", BOB, 0.8, 2, machine="cluster")
    merge = prepare([ada.results, bob.results], tmp_path / "all", shared=["cluster"])
    assert (merge.counts, merge.renamed) == ({("quick", "cluster"): 2}, {})
    apply_merge(merge)
    assert [person for *_, person in outcomes(tmp_path / "all")] == ["Ada Example", "Bob Example"]


def test_without_owners_another_result_stays_a_conflict(tmp_path: Path) -> None:
    one, two = laptop(tmp_path / "one", {}, 0.9), laptop(tmp_path / "two", ADA, 0.8)
    (first, _) = prepare([one.results, two.results], tmp_path / "all").conflicts
    assert first.endswith("has another result under this name")


@pytest.mark.parametrize("name", ["../../evil", "<img src=x onerror=alert(1)>", "a\nb", "\u202e", "CON", "x" * 900])
def test_a_hostile_organization_becomes_no_path(tmp_path: Path, name: str) -> None:
    ada, bob = laptop(tmp_path / "ada", ADA, 0.9), laptop(tmp_path / "bob", BOB | {"organisation": name}, 0.8)
    merge = merged(tmp_path / "all", ada.results, bob.results)
    assert set(merge.counts) == {("quick", "laptop"), ("quick", f"laptop.{short_name(name)}")}
    assert {path.name for path in (tmp_path / "all/quick/records").iterdir()} == {
        machine for _, machine in merge.counts
    }
    assert len(load_study(tmp_path / "all", "quick").done) == 4


@pytest.mark.parametrize("owner", [{"organisation": 5}, "Ada", {"machine": ["x"]}])
def test_a_record_with_a_damaged_owner_is_skipped(tmp_path: Path, owner: Any) -> None:
    ada = laptop(tmp_path / "ada", ADA, 0.9)
    record = ada.folder / "records/laptop/epochs=1.json"
    write_json(record, json.loads(record.read_text()) | {"owner": owner})
    merge = merged(tmp_path / "all", ada.results)
    assert merge.counts == {("quick", "laptop"): 1}
    assert "owner" in merge.skipped[0]


def fail(folder: Folder, point: dict[str, Any], number: int = 1, **status: Any) -> Path:
    """Write an attempt that failed, with its log."""
    status = {"fingerprint": point["fingerprint"], "reason": "exit code 3", **status}
    attempt = folder.start(point, "failed", number, **status)
    write_text(attempt / "job.log", f"attempt {number}\n")
    write_text(attempt / "huge.bin", "not listed by anybody")
    write_json(attempt / "process.json", {"pid": 1})
    return attempt


def test_a_failed_attempt_comes_with_its_state_and_log(tmp_path: Path) -> None:
    ada = laptop(tmp_path / "ada", ADA, 0.9, 1)
    fail(ada, ada.add("laptop", epochs=2))
    merge = merged(tmp_path / "all", ada.results)
    assert merge.attempt_counts == {("quick", "laptop"): 1}
    (failed,) = (outcome for outcome in load_study(tmp_path / "all", "quick").experiments if outcome.state == "failed")
    assert (failed.id, failed.reason, failed.log_tail()) == ("epochs=2", "exit code 3", ["attempt 1"])
    assert failed.owner.person == "Ada Example"
    assert failed.attempt
    assert {path.name for path in failed.attempt.iterdir()} == {
        "status.json",
        "config.yaml",
        "experiment.json",
        "job.log",
    }
    again = merged(tmp_path / "all", ada.results)
    assert (again.attempts, again.skipped) == ([], [])


def test_a_failure_on_another_machine_has_a_point_of_its_own(tmp_path: Path) -> None:
    ada, bob = laptop(tmp_path / "ada", ADA, 0.9, 1), Folder(tmp_path / "bob", publisher=BOB)
    fail(bob, bob.add("laptop", epochs=1))
    merged(tmp_path / "all", ada.results, bob.results)
    states = {item.machine: item.state for item in load_study(tmp_path / "all", "quick").experiments}
    assert states == {"laptop": "done", "laptop.vrije-universiteit": "failed"}


def test_a_result_after_a_failure_that_was_merged_is_merged_too(tmp_path: Path) -> None:
    ada = Folder(tmp_path / "ada", publisher=ADA)
    point = ada.add("laptop", epochs=1)
    fail(ada, point)
    merged(tmp_path / "all", ada.results)
    attempt = ada.start(point, "done", 2, fingerprint=point["fingerprint"])
    write_text(attempt / "job.log", "finished\n")
    record = {key: point[key] for key in ("machine", "id", "key", "fingerprint", "parameters", "axes")}
    content = {"format": 1, "study": "quick", **record, "application": {"name": "cloudmask", "version": "1"}}
    content |= {"attempt": 2, "metrics": {"accuracy": {"value": 0.5}}, "usage": {}, "files": []}
    for path in (ada.folder / "records/laptop/epochs=1.json", attempt.parents[1] / "commit.json"):
        write_json(path, content)
    merged(tmp_path / "all", ada.results)
    (outcome,) = load_study(tmp_path / "all", "quick").experiments
    assert (outcome.state, outcome.attempt and outcome.attempt.name) == ("done", "2")
    assert (outcome.folder / "attempts/1/job.log").read_text() == "attempt 1\n"


def test_another_attempt_of_the_same_number_is_left_out_with_a_line(tmp_path: Path) -> None:
    one, two = Folder(tmp_path / "one"), Folder(tmp_path / "two")
    fail(one, one.add("laptop", epochs=1))
    fail(two, two.add("laptop", epochs=1), reason="exit code 4")
    merge = merged(tmp_path / "all", one.results, two.results)
    (line,) = merge.skipped
    assert line.startswith(f"{two.results}/quick/laptop/epochs=1: attempt 1: ")
    assert line.endswith("has another attempt of this number")


def test_an_attempt_that_may_still_run_is_left_out_with_a_line(tmp_path: Path) -> None:
    one = Folder(tmp_path / "one")
    one.start(one.add("laptop", epochs=1), "running")
    merge = merged(tmp_path / "all", one.results)
    assert merge.attempts == []
    assert merge.skipped[0].endswith("its state is 'running', so it has not ended")


@pytest.mark.parametrize("spoil", ["link", "folder", "number", "status"])
def test_hostile_attempts_lead_nowhere(tmp_path: Path, spoil: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    one = Folder(tmp_path / "one")
    attempt = fail(one, one.add("laptop", epochs=1))
    match spoil:
        case "link":
            (attempt / "job.log").unlink()
            (attempt / "job.log").symlink_to(secret)
        case "folder":
            attempt.rename(tmp_path / "elsewhere")
            attempt.symlink_to(tmp_path / "elsewhere")
        case "number":
            attempt.rename(attempt.parent / "01")
        case "status":
            write_json(attempt / "status.json", {"state": "failed", "reason": ["x"], "heartbeat": {}})
    merged(tmp_path / "all", one.results)
    assert not [path for path in (tmp_path / "all").rglob("*") if path.is_symlink()]
    assert not [path for path in (tmp_path / "all").rglob("*") if path.is_file() and "secret" in path.read_text()]
    assert not (tmp_path / "all/quick/experiments/laptop/epochs=1/attempts/01").exists()


def run_of(built: Folder, name: str = RUN, **about: Any) -> Path:
    """Write a run with its events."""
    place = StudyPaths(built.results, "quick").run(name)
    known = {"uuid": name, "study": "quick", "profile": "profiles/local", "started": "2026-11-20T10:00:00Z"}
    write_json(place / "run.json", {"format": 1, **known, **about})
    events = [{"time": "2026-11-20T10:00:01Z", "event": "failed", "machine": "laptop", "id": "epochs=1"}, "no event"]
    write_text(place / "events.jsonl", "".join(f"{json.dumps(event)}\n" for event in events) + "{broken\n")
    return place


def test_runs_are_merged_with_the_names_of_their_machines(tmp_path: Path) -> None:
    ada, bob = laptop(tmp_path / "ada", ADA, 0.9), laptop(tmp_path / "bob", BOB, 0.8)
    run_of(bob, ended="2026-11-20T11:00:00Z", exit_code=0, owner={"host": "node-7", "pid": 1})
    merge = merged(tmp_path / "all", ada.results, bob.results)
    assert merge.run_counts == {"quick": 1}
    paths = StudyPaths(tmp_path / "all", "quick")
    (event,) = map(json.loads, (paths.run(RUN) / "events.jsonl").read_text().splitlines())
    assert event["machine"] == "laptop.vrije-universiteit"
    (run,) = RunReader(paths).all()
    assert (run.uuid, run.host, run.pid, run.is_merged, run.exit_code) == (RUN, "node-7", 0, True, 0)
    assert RunReader(paths).last() is None, "no run was started here"
    assert merged(tmp_path / "all", bob.results).runs == {}


def test_nothing_of_a_merged_run_can_be_repeated(tmp_path: Path) -> None:
    bob = laptop(tmp_path / "bob", BOB, 0.8)
    evil: dict[str, Any] = {"python": "/evil/python", "folder": "/evil", "config": {"study": "/evil"}}
    run_of(bob, owner={"pid": 1, "host": "here"}, executor_run="evil", **evil)
    merged(tmp_path / "all", bob.results)
    text = (StudyPaths(tmp_path / "all", "quick").run(RUN) / "run.json").read_text()
    assert "evil" not in text
    assert '"pid"' not in text


@pytest.mark.parametrize(
    ("uuid", "about", "words"),
    [
        (RUN, {"uuid": "another"}, "its run.json is of another run"),
        (RUN, {"started": ["x"]}, "started is not a text"),
        (RUN, {"profile": "x" * 2000}, "too long texts"),
        ("..hidden", {"uuid": "..hidden"}, "not the name of a run"),
    ],
)
def test_a_hostile_run_is_skipped_with_a_line(tmp_path: Path, uuid: str, about: dict[str, Any], words: str) -> None:
    bob = laptop(tmp_path / "bob", BOB, 0.8)
    run_of(bob, uuid, **about)
    merge: Merge = merged(tmp_path / "all", bob.results)
    assert merge.runs == {}
    assert words in merge.skipped[0]
