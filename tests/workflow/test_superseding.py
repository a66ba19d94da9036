"""Old results of jobs that run again: they become history, and count again if the jobs do not begin."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner.claims import Claims
from fairmesh.workflow.orphans import PendingJob
from fairmesh.workflow.superseding import restore_results, supersede

FINGERPRINT = "1" * 64
STAGE = "build-111111111111"


@pytest.fixture
def again(tmp_path: Path) -> dict[str, PendingJob]:
    """Return a stage, whose job folder is here, and an experiment, whose record alone is here; both run again."""
    paths = StudyPaths(tmp_path, "sweep")
    stage, marker = paths.stage_job("app", STAGE), paths.stage_marker(STAGE)
    job, record = paths.job("local", "x=1"), paths.record("local", "x=1")
    stage.attempt(1).mkdir(parents=True)
    for path in (stage.commit, marker, record):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"fingerprint": FINGERPRINT, "attempt": 1, "application": {"code": "old"}}))
    jobs = {marker: PendingJob(("", STAGE), stage, FINGERPRINT), record: PendingJob(("local", "x=1"), job, FINGERPRINT)}
    return {str(path): job for path, job in jobs.items()}


@pytest.mark.parametrize("begun", [False, True], ids=["nothing began", "the stage failed"])
def test_what_did_not_begin_counts_again(again: dict[str, PendingJob], begun: bool) -> None:
    superseded = supersede(again, again, "new")
    assert [Path(output).exists() for output in again] == [False, False]
    stage = next(job.paths for job in again.values() if not job.name[0])
    if begun:
        Claims(str(stage.folder)).take(2)
    assert restore_results(superseded) == "1 experiment did not begin to run again; the earlier results still count"
    assert [Path(output).exists() for output in again] == [True, True]
    assert stage.commit.exists() is not begun, "an old result must not hide a failure"
    assert restore_results(superseded) == ""


def test_an_experiment_that_began_has_no_result(again: dict[str, PendingJob]) -> None:
    superseded = supersede(again, again, "new")
    for job in again.values():
        Claims(str(job.paths.folder)).take(2)
    assert restore_results(superseded) == ""
    assert [Path(output).exists() for output, job in again.items() if job.name[0]] == [False]


def test_a_stage_that_another_study_has_made_anew_stays(again: dict[str, PendingJob]) -> None:
    assert [old.is_stage for old in supersede(again, again, "old")] == [False]


def test_only_what_the_run_makes_is_superseded(again: dict[str, PendingJob]) -> None:
    assert supersede(again, [], "new") == []
