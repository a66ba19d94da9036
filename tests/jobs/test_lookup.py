"""What is already there for a job."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from fairmesh.jobs import lookup
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.runner import owner


@pytest.fixture
def killed(tmp_path: Path) -> JobPaths:
    """Return a job whose runner was killed while it wrote its status."""
    paths = JobPaths(tmp_path / "job")
    (paths.attempt(1)).mkdir(parents=True)
    (paths.folder / "claims").mkdir()
    (paths.folder / "claims/1").write_text(json.dumps(owner.current_process() | {"start": "long ago"}))
    (paths.attempt(1) / "status.json").write_text(json.dumps({"state": "running", "reason": ""}))
    (paths.attempt(1) / ".status.json.host.1.half").write_text("{")
    return paths


def _status(paths: JobPaths) -> tuple[str, str]:
    found = json.loads((paths.attempt(1) / "status.json").read_text())
    return found["state"], found["reason"]


def test_an_attempt_whose_runner_was_killed_is_lost(killed: JobPaths) -> None:
    lookup.mark_lost(killed)
    assert _status(killed) == ("lost", "its runner was killed")
    assert not list(killed.folder.rglob("*.half"))


def test_an_attempt_that_used_all_its_memory_when_it_was_killed_failed_for_that(killed: JobPaths) -> None:
    path = killed.attempt(1) / "status.json"
    memory = "it used 9 MB of memory, and its job has 8 MB"
    path.write_text(json.dumps({"state": "running", "reason": "", "memory": memory}))
    lookup.mark_lost(killed)
    assert _status(killed) == ("failed", f"its runner was killed; {memory}")


@pytest.mark.parametrize(("machine", "is_ended"), [({}, True), ({"machine": "far"}, False)])
def test_a_process_that_another_machine_names_is_not_ended(
    killed: JobPaths, machine: dict[str, str], is_ended: bool
) -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as program:
        named = owner.describe(program.pid)
        (killed.attempt(1) / "process.json").write_text(json.dumps(named))
        claim = machine or owner.current_process() | {"start": "long ago"}
        (killed.folder / "claims/1").write_text(json.dumps(claim))
        if machine:
            (killed.attempt(1) / "status.json").write_text(json.dumps({"state": "failed"}))
        lookup.mark_lost(killed)
        assert (program.poll() is not None or not owner.start_time(program.pid)) is is_ended
        program.kill()


def test_an_attempt_that_was_killed_right_after_its_commit_is_done(killed: JobPaths) -> None:
    lookup.remove_leftovers(killed)
    assert _status(killed) == ("done", "")
    assert not list(killed.folder.rglob("*.half"))


@pytest.mark.parametrize("act", [lookup.mark_lost, lookup.remove_leftovers])
def test_a_living_attempt_is_left_alone(killed: JobPaths, act: object) -> None:
    (killed.folder / "claims/1").write_text(json.dumps(owner.current_process()))
    assert callable(act)
    act(killed)
    assert _status(killed) == ("running", "")
    assert list(killed.folder.rglob("*.half"))


@pytest.mark.parametrize("fault", [{"axes": 5}, {"metrics": [1]}, {"usage": "x"}, {"attempt": None}, {"provenance": 7}])
def test_a_record_that_nobody_can_read_is_not_current(fault: dict[str, object], tmp_path: Path) -> None:
    record, content = tmp_path / "x=1.json", {"fingerprint": "a" * 64, "attempt": 1, "metrics": {}}
    record.write_text(json.dumps(content))
    assert lookup.read_current(record, "a" * 64)
    record.write_text(json.dumps(content | fault))
    assert not lookup.read_current(record, "a" * 64)


def test_a_record_moved_aside_comes_back_for_its_own_fingerprint_alone(tmp_path: Path) -> None:
    record = tmp_path / "a.json"
    for fingerprint in ("1" * 64, "2" * 64):
        record.write_text(json.dumps({"fingerprint": fingerprint, "attempt": 1}))
        lookup.move_aside(record)
    assert not lookup.restore_record(record, "3" * 64)
    assert lookup.restore_record(record, "1" * 64)
    assert lookup.read_current(record, "1" * 64)


def _write(path: Path, attempt: int, fingerprint: str = "1" * 64) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"fingerprint": fingerprint, "attempt": attempt}))


def _history(paths: StudyPaths) -> list[int]:
    files = sorted((paths.folder / "history/local/x=1").iterdir())
    return [json.loads(path.read_text())["attempt"] for path in files]


@pytest.mark.parametrize(
    ("commit", "record", "aside", "kept"),
    [(1, 1, 0, [1]), (1, 0, 0, [1]), (0, 4, 0, [4]), (2, 2, 1, [1, 2]), (2, 1, 0, [1, 2])],
    ids=["both", "commit alone", "record alone", "older one moved aside", "different results"],
)
def test_a_superseded_result_is_history_once(
    tmp_path: Path, commit: int, record: int, aside: int, kept: list[int]
) -> None:
    paths = StudyPaths(tmp_path, "sweep")
    job, output = paths.job("local", "x=1"), paths.record("local", "x=1")
    if aside:
        _write(output, aside)
        lookup.move_aside(output)
    for path, attempt in ((job.commit, commit), (output, record)):
        if attempt:
            _write(path, attempt)
    lookup.supersede(output, job, "1" * 64)
    assert (_history(paths), output.exists(), job.commit.exists()) == (kept, False, False)
    assert not lookup.restore_record(output, "1" * 64)
    assert lookup.has_begun(job)


@pytest.mark.parametrize("has_folder", [True, False], ids=["with its job folder", "record alone"])
def test_a_superseded_result_can_be_brought_back(tmp_path: Path, has_folder: bool) -> None:
    paths = StudyPaths(tmp_path, "sweep")
    job, output = paths.job("local", "x=1"), paths.record("local", "x=1")
    _write(output, 1)
    if has_folder:
        job.attempts.mkdir(parents=True)
        _write(job.commit, 1)
    before = output.read_bytes()
    history = lookup.supersede(output, job, "1" * 64)
    assert history is not None
    lookup.restore_superseded(history, output, job)
    assert (output.read_bytes(), job.commit.exists(), _history(paths)) == (before, has_folder, [])
    assert lookup.supersede(output, job, "2" * 64) is None


def test_results_of_another_fingerprint_are_not_superseded(tmp_path: Path) -> None:
    paths = StudyPaths(tmp_path, "sweep")
    job, output = paths.job("local", "x=1"), paths.record("local", "x=1")
    _write(job.commit, 1, "2" * 64)
    _write(output, 2)
    lookup.supersede(output, job, "1" * 64)
    assert (job.commit.exists(), output.exists(), _history(paths)) == (True, False, [2])
