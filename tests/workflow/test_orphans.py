"""What a killed run left in Slurm's queue, and what is assumed while Slurm does not say."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from fairmesh.errors import FairmeshError
from fairmesh.jobs import bundles
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner import scheduler
from fairmesh.schedulers import JobInfo
from fairmesh.workflow import orphans
from fairmesh.workflow.orphans import PendingJob
from tests.schedulers.jobs import slurm_job

NAMES = [("slurm", "x=1"), ("slurm", "x=2"), ("", "store-0123")]


def event(name: str, machine: str, identity: str, second: int, job_id: str = "") -> dict[str, Any]:
    """Return an event of a run."""
    return {
        "time": f"2026-01-01T00:00:{second:02}Z",
        "event": name,
        "machine": machine,
        "id": identity,
        "job_id": job_id,
    }


@pytest.fixture
def paths(tmp_path: Path) -> StudyPaths:
    """Return the results of a study with one run that was killed."""
    found = StudyPaths(tmp_path, "sweep")
    found.run("one").mkdir(parents=True)
    (found.run("one") / "run.json").write_text(json.dumps({"executor_run": "run-1", "ended": None}))
    events = [
        event("submitted", "slurm", "x=1", 1),
        event("queued", "slurm", "x=1", 2, "71"),
        event("submitted", "slurm", "x=2", 1),
        event("failed", "slurm", "x=2", 3, "72"),
        event("submitted", "slurm", "elsewhere", 1),
    ]
    (found.run("one") / "events.jsonl").write_text("".join(f"{json.dumps(item)}\n" for item in events))
    bundles.write_members(bundles.bundle_file(found.run("one"), 1, bundles.MEMBERS), [("", "store-0123")])
    return found


def wanted(paths: StudyPaths, names: Iterable[tuple[str, str]] = NAMES) -> list[PendingJob]:
    """Return what has no result."""
    return [PendingJob(name, paths.job(name[0] or "stages", name[1]), "f" * 64) for name in names]


def answer(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, JobInfo] | None) -> None:
    """Make a scheduler answer, the last again and again; None is none."""
    left = list(answers)
    monkeypatch.setattr(scheduler, "is_here", lambda: True)
    monkeypatch.setattr(scheduler, "jobs", lambda *_, **__: left.pop(0) if len(left) > 1 else left[0])
    monkeypatch.setattr(scheduler, "FRESH", 0.0)


def job(number: str, state: str, comment: str) -> JobInfo:
    """Return a job of the killed run."""
    return slurm_job(number, state, name="run-1", comment=comment)


def test_what_slurm_has_is_waited_for(paths: StudyPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    queue = [
        job("71", "PENDING", "rule_experiment_wildcards_sweep_slurm_x=1"),
        job("73", "RUNNING", bundles.bundle_comment(1)),
    ]
    answer(monkeypatch, {job.id: job for job in queue})
    assert orphans.find(paths, wanted(paths)) == orphans.Orphans({NAMES[0]: "71", NAMES[2]: "73"})


def test_without_an_answer_what_was_handed_over_counts_as_pending(
    paths: StudyPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, None)
    found = orphans.find(paths, wanted(paths))
    assert found == orphans.Orphans({NAMES[0]: "71", NAMES[2]: ""}, unanswered=2)
    assert "2 jobs of a run that was killed may be in its queue" in found.problem
    with pytest.raises(FairmeshError, match="scheduler_patience of 0 minutes is over"):
        orphans.wait_for_answer(paths, wanted(paths), 0)


def test_the_answer_counts_as_soon_as_it_comes(paths: StudyPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(monkeypatch, None, None, {})
    assert orphans.wait_for_answer(paths, wanted(paths), 60) == orphans.Orphans({})


@pytest.mark.parametrize("ended", ["2026-01-01T00:00:09Z", None])
@pytest.mark.parametrize("here", [True, False])
def test_only_a_killed_run_and_a_scheduler_that_is_there_can_be_waited_for(
    paths: StudyPaths, monkeypatch: pytest.MonkeyPatch, here: bool, ended: str | None
) -> None:
    answer(monkeypatch, None)
    monkeypatch.setattr(scheduler, "is_here", lambda: here)
    (paths.run("one") / "run.json").write_text(json.dumps({"executor_run": "run-1", "ended": ended}))
    assert bool(orphans.find(paths, wanted(paths)).unanswered) is (here and ended is None)
