"""Results of several machines in one folder: what is brought, what is not, and that nothing is half done."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from fairmesh.errors import BusyError, FairmeshError
from fairmesh.files import write_json
from fairmesh.jobs.lock import RunLock
from fairmesh.results import load_study
from fairmesh.results.merge import Merge, prepare
from fairmesh.results.merge_apply import apply_merge, verify_merge
from fairmesh.results.untrusted import UntrustedFileError, UntrustedFolder
from fairmesh.runner.commit import list_files
from fairmesh.site.view import StudyView
from tests.results.builder import ON_MACHINES, Folder, digest, note_machines

METRICS = {"accuracy": {"value": 0.9, "low": None, "high": None}}


def finish(folder: Folder, point: dict[str, Any], metrics: dict[str, Any] | None = None, **more: Any) -> Path:
    """Finish an experiment as the runner does: record and commit with the hashes of the attempt's files."""
    attempt = folder.finish(point, metrics or METRICS, **more)
    own = attempt.parents[1]
    record = folder.folder / "records" / point["machine"] / f"{point['id']}.json"
    content = json.loads(record.read_text()) | {"files": list_files(str(own), str(attempt), lambda: None)}
    for path in (record, own / "commit.json"):
        write_json(path, content)
    return own


def source(place: Path, machine: str, *epochs: int, study: str = "quick") -> Folder:
    folder = Folder(place / machine, study)
    for number in epochs:
        finish(folder, folder.add(machine, epochs=number))
    return folder


def merged(into: Path, *sources: Path) -> Merge:
    merge = prepare(sources, into)
    assert merge.conflicts == []
    apply_merge(merge)
    return merge


def test_machines_come_together_whole(tmp_path: Path) -> None:
    one, two = source(tmp_path, "laptop", 1, 2), source(tmp_path, "cluster", 1, 2, 4)
    merge = merged(tmp_path / "all", one.results, two.results)
    assert merge.counts == {("quick", "laptop"): 2, ("quick", "cluster"): 3}
    study = load_study(tmp_path / "all", "quick")
    assert [(experiment.machine, experiment.id, experiment.state) for experiment in study.experiments] == [
        ("laptop", "epochs=1", "done"),
        ("cluster", "epochs=1", "done"),
        ("laptop", "epochs=2", "done"),
        ("cluster", "epochs=2", "done"),
        ("cluster", "epochs=4", "done"),
    ]
    assert all(experiment.attempt and (experiment.attempt / "job.log").is_file() for experiment in study.done)
    assert all(study.environment(experiment) for experiment in study.done)
    assert len(StudyView(study).points) == 5


def test_what_a_run_notes_of_its_machines_stays_where_it_is(tmp_path: Path) -> None:
    one, two = source(tmp_path, "laptop", 1), source(tmp_path, "cluster", 1)
    failed = two.add("cluster", epochs=2)
    two.start(failed, "failed", reason="exit status 3")
    for folder in (one, two):
        note_machines(folder.folder)
    merged(tmp_path / "all", one.results, two.results)
    contents = {path: path.read_bytes() for path in (tmp_path / "all").rglob("*") if path.is_file()}
    assert any(path.name == "commit.json" for path in contents)
    for path, data in contents.items():
        assert not [text for text in ON_MACHINES if text.encode() in data or text in str(path)], path
    assert not list((tmp_path / "all").rglob("machines"))


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    one = source(tmp_path, "laptop", 1, 2)
    merged(tmp_path / "all", one.results)
    before = digest(tmp_path / "all")
    again = merged(tmp_path / "all", one.results, one.results)
    assert (again.items, again.same) == ([], {"quick": 4})
    assert digest(tmp_path / "all") == before


def test_a_study_folder_is_a_source_too(tmp_path: Path) -> None:
    one = source(tmp_path, "laptop", 1)
    source(tmp_path, "laptop", 1, study="other")
    assert set(merged(tmp_path / "all", one.folder).counts) == {("quick", "laptop")}
    assert not (tmp_path / "all" / "other").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metrics": {"accuracy": {"value": 0.1, "low": None, "high": None}}}, "has another result under this name"),
        ({"fingerprint": "0" * 64}, "has something else under this name"),
    ],
)
def test_another_result_of_the_same_name_is_a_conflict_and_nothing_is_brought(
    tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    one, two = source(tmp_path, "laptop", 1), source(tmp_path / "two", "laptop", 1, 2)
    record = two.folder / "records/laptop/epochs=1.json"
    write_json(record, json.loads(record.read_text()) | change)
    merged(tmp_path / "all", one.results)
    before = digest(tmp_path / "all")
    (conflict,) = prepare([two.results], tmp_path / "all").conflicts
    assert conflict.endswith(words)
    assert conflict.startswith(f"{two.results}/quick/laptop/epochs=1: ")
    assert digest(tmp_path / "all") == before


def test_two_sources_can_be_in_conflict_with_each_other(tmp_path: Path) -> None:
    one, two = source(tmp_path, "laptop", 1), Folder(tmp_path / "two")
    finish(two, two.add("laptop", epochs=1), {"accuracy": 0.2})
    merge = prepare([one.results, two.results], tmp_path / "all")
    assert len(merge.conflicts) == 1
    assert not (tmp_path / "all").exists()


def test_attempts_without_a_result_are_not_written_over(tmp_path: Path) -> None:
    one, mine = source(tmp_path, "laptop", 1), Folder(tmp_path / "all")
    mine.start(mine.add("laptop", epochs=1), "failed")
    (conflict,) = prepare([one.results], mine.results).conflicts
    assert conflict.endswith("has attempts without a result; move it away")


def test_another_application_is_a_conflict(tmp_path: Path) -> None:
    one, mine = source(tmp_path, "laptop", 1), Folder(tmp_path / "all")
    mine.application["name"] = "another"
    mine.add(epochs=1)
    assert "is of cloudmask, " in prepare([one.results], mine.results).conflicts[0]


@pytest.mark.parametrize(
    ("change", "words"), [("loading".upper(), " differs from its record"), ("", ": its size differs from the record")]
)
def test_a_damaged_file_stops_everything(tmp_path: Path, change: str, words: str) -> None:
    one = source(tmp_path, "laptop", 1, 2)
    log = one.folder / "experiments/laptop/epochs=2/attempts/1/job.log"
    log.write_text(log.read_text().replace("loading", change))
    for carry_out in (verify_merge, apply_merge):
        with pytest.raises(FairmeshError, match=rf"epochs=2: attempts/1/job.log{words}"):
            carry_out(prepare([one.results], tmp_path / "all"))
    assert not (tmp_path / "all").exists()


def test_what_a_source_lost_is_said(tmp_path: Path) -> None:
    one = source(tmp_path, "laptop", 1, 2)
    (one.folder / "experiments/laptop/epochs=2/attempts/1/job.log").unlink()
    shutil.rmtree(one.folder / "experiments/laptop/epochs=1")
    missing = apply_merge(prepare([one.results], tmp_path / "all"))
    assert [path.rsplit("/", 1)[1] for path in missing] == [
        "epochs=1: the files of its attempt are missing",
        "job.log is missing",
    ]
    assert len(load_study(tmp_path / "all", "quick").done) == 2


def test_a_commit_that_no_workflow_copied_counts(tmp_path: Path) -> None:
    one = source(tmp_path, "laptop", 1)
    shutil.rmtree(one.folder / "records")
    assert merged(tmp_path / "all", one.results).counts == {("quick", "laptop"): 1}
    assert load_study(tmp_path / "all", "quick").done


def test_a_result_takes_the_id_of_the_point_for_which_it_can_stand(tmp_path: Path) -> None:
    one, mine = source(tmp_path, "laptop", 1), Folder(tmp_path / "all")
    point = mine.add("laptop", epochs=1, width=8)
    assert point["fingerprint"] == one.points[0]["fingerprint"]
    merged(mine.results, one.results)
    (outcome,) = load_study(mine.results, "quick").done
    assert (outcome.id, outcome.record and outcome.record["reused"]) == ("epochs=1+width=8", "epochs=1")
    assert merged(mine.results, one.results).same == {"quick": 1}


def test_a_run_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    one = source(tmp_path, "laptop", 1)
    lock = RunLock(tmp_path / "all/quick/run.lock")
    assert lock.try_take()
    with pytest.raises(BusyError, match="a run of quick is in progress"):
        apply_merge(prepare([one.results], tmp_path / "all"))
    lock.release()
    assert [path.name for path in (tmp_path / "all").rglob("*")] == ["quick", "run.lock"]


@pytest.mark.parametrize(
    "change",
    [
        {"attempt": "../../../elsewhere"},
        {"attempt": 0},
        {"machine": "another"},
        {"study": "../other"},
        {"fingerprint": "x"},
        {"environment": "../secret"},
        {"run": "../../run"},
        {"stages": {"../x": "0" * 64}},
        {"metrics": {"accuracy": {"value": "high"}}},
        {"files": [{"path": "attempts/1/../../../../secret", "sha256": "0" * 64, "bytes": 1}]},
        {"files": [{"path": "/etc/passwd", "sha256": "0" * 64, "bytes": 1}]},
        {"files": [{"path": "attempts/2/x", "sha256": "0" * 64, "bytes": 1}]},
        {"files": "all"},
        {"seconds": float("nan")},
        {"parameters": {"x": float("inf")}},
        {"parameters": {"x": "\ud800"}},
    ],
)
def test_a_record_that_reaches_elsewhere_is_passed_over(tmp_path: Path, change: dict[str, Any]) -> None:
    one = source(tmp_path, "laptop", 1, 2)
    record = one.folder / "records/laptop/epochs=1.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | change))
    merge = merged(tmp_path / "all", one.results)
    assert merge.counts == {("quick", "laptop"): 1}
    assert len(merge.skipped) == 1


def test_links_and_odd_names_lead_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("{}")
    one = source(tmp_path, "laptop", 1, 2, 4, 8)
    records, jobs = one.folder / "records/laptop", one.folder / "experiments/laptop"
    (records / "epochs=1.json").unlink()
    (records / "epochs=1.json").symlink_to(secret)
    (jobs / "epochs=2/attempts/1/job.log").unlink()
    (jobs / "epochs=2/attempts/1/job.log").symlink_to(secret)
    os.mkfifo(records / "epochs=9.json")
    (records / "a b.json").write_text("{}")
    (one.folder / "records" / "-x").mkdir()
    (one.results / "linked").symlink_to(one.folder)
    merge = prepare([one.results], tmp_path / "all")
    assert {item.result.id for item in merge.items} == {"epochs=2", "epochs=4", "epochs=8"}
    assert len(merge.skipped) == 4, merge.skipped
    with pytest.raises(FairmeshError, match=r"epochs=2: attempts/1/job.log"):
        apply_merge(merge)
    assert not (tmp_path / "all").exists()


def test_a_plan_names_no_file_elsewhere(tmp_path: Path) -> None:
    one = source(tmp_path, "laptop", 1)
    own = finish(one, one.add("laptop", epochs=2))
    write_json(own / "experiment.json", {"application": {"name": "cloudmask", "version": "1", "folder": "/elsewhere"}})
    plan = one.folder / "plan.json"
    write_json(plan, json.loads(plan.read_text()) | {"source": "/elsewhere/key"})
    merged(tmp_path / "all", one.results)
    assert json.loads((tmp_path / "all/quick/plan.json").read_text())["source"] == ""
    described = tmp_path / "all/quick/experiments/laptop/epochs=2/experiment.json"
    assert json.loads(described.read_text())["application"]["folder"] == ""
    assert not os.access(described.with_name("job.sh"), os.X_OK) or os.getuid() == 0


@pytest.mark.parametrize(
    "change",
    [
        {"experiments": [{"machine": "..", "id": "x"}]},
        {"experiments": [7]},
        {"study": "another"},
        {"application": {"name": "../x", "version": "1"}},
        {"application": {"name": "x", "version": "1", "metrics": {"a": 7}}},
        {"title": float("nan")},
        {"title": "\ud800"},
    ],
)
def test_a_plan_that_is_none_is_passed_over(tmp_path: Path, change: dict[str, Any]) -> None:
    one = source(tmp_path, "laptop", 1)
    plan = one.folder / "plan.json"
    plan.write_text(json.dumps(json.loads(plan.read_text()) | change))
    merge = prepare([one.results], tmp_path / "all")
    assert (len(merge.skipped), merge.plans) == (1, {})


def test_names_that_are_no_text_are_said_as_far_as_they_can_be(tmp_path: Path) -> None:
    one = source(tmp_path, "laptop", 1)
    (one.folder / "records/laptop" / os.fsdecode(b"\xff\x1b[31m.json")).write_text("{}")
    (one.folder / "experiments/laptop/epochs=1/experiment.json").write_text('{"seconds": NaN}')
    merge = merged(tmp_path / "all", one.results)
    assert len(merge.skipped) == 1
    assert json.dumps(merge.to_json(), ensure_ascii=False).encode()
    assert "\x1b" not in merge.skipped[0]
    assert not (tmp_path / "all/quick/experiments/laptop/epochs=1/experiment.json").exists()


@pytest.mark.parametrize("path", [("..", "x"), ("a/b",), ("",), (".",), ("x\n",)])
def test_a_foreign_folder_is_not_left(tmp_path: Path, path: tuple[str, ...]) -> None:
    (tmp_path / "x").write_text("secret")
    (tmp_path / "in").mkdir()
    with pytest.raises(UntrustedFileError, match="unsafe name"):
        UntrustedFolder(tmp_path / "in").read(*path)


def test_a_file_may_be_only_so_large(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"0" * 100)
    with pytest.raises(UntrustedFileError, match="larger than"):
        UntrustedFolder(tmp_path).read("x", largest=99)


def listed(folder: Folder, point: dict[str, Any], size: int) -> None:
    """Make a record list a file of some size, which is there with a hole for all of it."""
    own = folder.folder / "experiments" / point["machine"] / point["id"]
    with (own / "attempts/1/model.h5").open("wb") as file:
        file.truncate(size)
    for path in (own / "commit.json", folder.folder / "records" / point["machine"] / f"{point['id']}.json"):
        content = json.loads(path.read_text())
        content["files"].append({"path": "attempts/1/model.h5", "sha256": "0" * 64, "bytes": size})
        write_json(path, content)


@pytest.mark.parametrize(("size", "why"), [(1 << 40, "are free|on the disk"), (2 << 30, "on the disk")])
def test_a_file_that_is_one_hole_is_not_read(tmp_path: Path, size: int, why: str) -> None:
    one = source(tmp_path, "laptop", 1)
    listed(one, one.points[0], size)
    merge = prepare([one.results], tmp_path / "all")
    for act in (verify_merge, apply_merge):
        with pytest.raises(FairmeshError, match=why):
            act(merge)
    assert not (tmp_path / "all").exists()


def test_a_file_that_is_listed_twice_is_no_result(tmp_path: Path) -> None:
    one = source(tmp_path, "laptop", 1)
    for _ in range(2):
        listed(one, one.points[0], 10)
    merge = prepare([one.results], tmp_path / "all")
    assert (merge.items, len(merge.skipped)) == ([], 1)


@pytest.mark.parametrize("text", ["[" + "{}," * (2 << 20) + "{}]", " " * (65 << 20) + "{}"])
def test_a_plan_takes_a_bounded_amount_of_memory(tmp_path: Path, text: str) -> None:
    one = source(tmp_path, "laptop", 1)
    (one.folder / "plan.json").write_text(f'{{"experiments": {text}}}')
    merge = prepare([one.results], tmp_path / "all")
    assert (merge.plans, len(merge.skipped)) == ({}, 1)
    assert "too many values" in merge.skipped[0] or "larger than 64 MiB" in merge.skipped[0]


@pytest.mark.parametrize(
    "wrong",
    [
        "[" * 100_000,
        "[]",
        '{"state": "running"}',
        '{"state": "done", "host": [1]}',
        '{"state": "done", "fingerprint": "x"}',
    ],
)
def test_a_status_is_brought_only_if_it_is_one_of_the_result(tmp_path: Path, wrong: str) -> None:
    one = source(tmp_path, "laptop", 1, 2)
    path = "quick/experiments/laptop/epochs=1/attempts/1/status.json"
    (one.results / path).write_text(wrong)
    missing = apply_merge(prepare([one.results], tmp_path / "all"))
    assert len(missing) == 1
    assert "epochs=1: attempts/1/status.json is left out: " in missing[0]
    assert not (tmp_path / "all" / path).exists()
    assert (tmp_path / "all" / path.replace("=1", "=2")).exists()
    assert [experiment.state for experiment in load_study(tmp_path / "all", "quick").experiments] == ["done", "done"]
