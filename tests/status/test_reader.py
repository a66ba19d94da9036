"""How a study stands, read from its files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fairmesh.errors import FairmeshError
from fairmesh.runner.owner import current_process
from fairmesh.runner.status import request_cancel
from fairmesh.status import Reader, read_status
from tests.results.builder import build
from tests.status.conftest import GONE, Study


def test_a_study_at_rest(tmp_path: Path) -> None:
    built = Study(tmp_path / "results")
    build(built.results)
    status = read_status(built.paths)
    assert {state: count for state, count in status.counts.items() if count} == {"waiting": 1, "done": 10, "failed": 1}
    assert not status.is_active
    assert status.has_failed
    assert status.run is None
    done = next(experiment for experiment in status.experiments if experiment.state == "done")
    assert (done.host, done.attempt, done.progress, done.run) == ("node-7", 1, 100, "5f0c")
    assert done.seconds["running"] == 90
    json.dumps(status.to_json())


def test_results_on_other_machines_count_as_elsewhere(study: Study) -> None:
    point = study.add(epochs=2)
    study.finish(point, {"accuracy": 0.9}, machine="dgx")
    study.finish({**point, "fingerprint": "0" * 64}, {"accuracy": 0.1}, machine="old")
    found = [(experiment.machine, experiment.state) for experiment in read_status(study.paths).experiments]
    assert found == [("local", "waiting"), ("dgx", "done")]


def test_a_commit_counts_before_its_copy_is_there(study: Study) -> None:
    point = study.add(epochs=2)
    study.finish(point, {"accuracy": 0.9})
    record = study.folder / "records/local" / f"{point['id']}.json"
    record.rename(study.job(point) / "commit.json")
    assert study.one(epochs=2).state == "done"


@pytest.mark.parametrize("started_by", ["hand", "run"])
def test_an_attempt_is_seen_however_it_was_started(study: Study, started_by: str) -> None:
    point = study.add(epochs=2)
    uuid = "this-run" if started_by == "run" else ""
    if uuid:
        study.run()
    study.start(point, "running", progress=37, message="epoch 3", started="2026-11-20T10:00:00Z", run=uuid)
    study.claim(point)
    found = study.one(epochs=2)
    assert (found.state, found.progress, found.message, found.run) == ("running", 37, "epoch 3", uuid)
    study.claim(point, start="1")
    assert study.one(epochs=2).state == "lost", "another process has its number now"


def test_an_attempt_at_something_else_does_not_count(study: Study) -> None:
    point = study.add(epochs=2)
    study.start({**point, "fingerprint": "0" * 64}, "failed")
    assert (study.one(epochs=2).state, study.one(epochs=2).attempt) == ("waiting", 0)


def test_a_claim_without_an_attempt_is_queued_while_its_owner_may_live(study: Study) -> None:
    point = study.add(epochs=2)
    study.claim(point, **GONE)
    assert study.one(epochs=2).state == "queued"


@pytest.mark.parametrize("broken", ["", "{", "[]", '{"state": "runn'])
def test_what_is_being_written_is_no_error(study: Study, broken: str) -> None:
    point = study.add(epochs=2)
    attempt = study.start(point, "running")
    (attempt / "status.json").write_text(broken)
    study.claim(point)
    study.run()
    (study.paths.run("this-run") / "events.jsonl").write_text(f'{broken}\n{{"event": "submitted"')
    assert study.one(epochs=2).state == "queued"


def test_a_reader_sees_what_changed_since(study: Study) -> None:
    first, second = study.add(epochs=2), study.add(epochs=4)
    study.run()
    reader = Reader(study.paths)
    assert [experiment.state for experiment in reader.read().experiments] == ["waiting", "waiting"]
    event = {"event": "submitted", "machine": "local", "id": second["id"], "time": "2026-11-20T10:00:00.000Z"}
    study.tell(event)
    assert [experiment.state for experiment in reader.read().experiments] == ["waiting", "queued"]
    study.tell(event, event | {"event": "failed", "time": "2026-11-20T10:00:01.000Z"})
    study.finish(first, {"accuracy": 0.9})
    assert [experiment.state for experiment in reader.read().experiments] == ["done", "failed"]
    study.run("next", started="2026-11-20T12:00:00.000Z")
    assert [experiment.state for experiment in reader.read().experiments] == ["done", "waiting"]


def test_a_stage_that_failed_blocks_what_needs_it(study: Study) -> None:
    point = study.add(epochs=2)
    point["stages"] = {"store": "a" * 64}
    study.write_plan()
    stage = study.results / "stages/cloudmask" / f"store-{'a' * 12}"
    attempt = stage / "attempts/1"
    attempt.mkdir(parents=True)
    (attempt / "status.json").write_text('{"state": "failed", "reason": "no space"}')
    status = read_status(study.paths)
    assert [(item.id, item.state, item.reason) for item in status.stages] == [
        (f"store-{'a' * 12}", "failed", "no space")
    ]
    assert status.experiments[0].is_blocked
    assert status.experiments[0].reason == "its stage store failed: no space"
    assert status.has_failed


def test_a_run_of_a_process_that_is_gone_is_over(study: Study) -> None:
    study.add(epochs=2)
    study.run()
    status = read_status(study.paths)
    assert status.run is not None
    assert status.run.is_alive
    study.run(owner={"host": os.uname()[1], "boot": "another", "pid": 7, "start": "1"})
    status = read_status(study.paths)
    assert status.run is not None
    assert not status.run.is_alive
    assert not status.is_active


def test_a_list_of_experiments_among_the_runs_is_no_run(study: Study) -> None:
    study.add(epochs=2)
    study.run(ended="2026-11-20T10:00:00.000Z")
    (study.paths.run("only-8cbeb766c789.txt")).write_text("epochs=2\n")
    assert read_status(study.paths).problems == ()


def test_no_plan_is_one_clear_line(study: Study) -> None:
    with pytest.raises(FairmeshError, match=r"plan\.json: there is no such file; a run of the study writes it"):
        read_status(study.paths)
    study.paths.plan.parent.mkdir(parents=True)
    study.paths.plan.write_text('{"experiments": [{}]}')
    with pytest.raises(FairmeshError, match="not a plan"):
        read_status(study.paths)


@pytest.mark.parametrize(
    ("ended", "is_cancelled", "owner", "is_cut"),
    [
        ("2026-11-20T10:05:00.000Z", True, {}, True),
        (None, False, {"start": "1"}, True),
        (None, True, {}, False),
        ("2026-11-20T10:05:00.000Z", False, {}, False),
    ],
)
def test_how_far_an_interrupted_or_killed_run_came_is_one_sentence(
    study: Study, ended: str | None, is_cancelled: bool, owner: dict[str, str], is_cut: bool
) -> None:
    study.finish(study.add(epochs=1), {"accuracy": 0.9})
    study.start(study.add(epochs=2), "failed", reason="exit code 3")
    study.add(epochs=3)
    folder = study.run(ended=ended, owner=current_process() | owner)
    if is_cancelled:
        request_cancel(str(folder), "Ctrl-C")
    sentence = "interrupted: 1 of 3 done, 2 to go (1 failed); the same command resumes"
    status = read_status(study.paths)
    assert status.interruption == (sentence if is_cut else "")
    assert status.summary()["interruption"] == status.interruption


def test_a_run_that_has_all_results_was_not_interrupted(study: Study) -> None:
    study.finish(study.add(epochs=1), {"accuracy": 0.9})
    request_cancel(str(study.run(ended="2026-11-20T10:05:00.000Z")), "Ctrl-C")
    assert not read_status(study.paths).interruption
