"""Snakemake's names that its documentation does not promise, and the lock files of a dead run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from snakemake.scheduling.job_scheduler import JobRateLimiter
from snakemake.settings.types import MaxJobsPerTimespan

from fairmesh.workflow import internals


def test_only_the_files_that_name_the_study_are_removed(tmp_path: Path) -> None:
    for number, line in enumerate(["results/sweep/records/a.json", "results/sweeping/b.json", "other"]):
        (tmp_path / f"{number}.output.lock").write_text(f"x\n{line}\n")
    internals.remove_locks(tmp_path, Path("results/sweep"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.output.lock", "2.output.lock"]


def test_no_folder_of_locks_is_fine(tmp_path: Path) -> None:
    internals.remove_locks(tmp_path / "nothing", Path("results"))
    assert list(tmp_path.iterdir()) == []


def test_snakemake_has_all_names_that_are_used() -> None:
    assert internals.missing_names() == []


def test_a_name_that_went_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(internals.NAMES, "DAG", ("needrun_jobs", "gone"))
    assert internals.missing_names() == ["DAG.gone"]


def scheduler_with_limit(most: int, has_queue: bool = False) -> tuple[SimpleNamespace, list[float]]:
    """Return a stand-in for Snakemake's scheduler, with its real limit, and the delays after which it selects again."""
    repeated: list[float] = []
    limiter = JobRateLimiter(MaxJobsPerTimespan(most, "1s"))
    scheduler = SimpleNamespace(job_rate_limiter=limiter, _schedule_reevalutation=repeated.append)
    dag = SimpleNamespace(has_unfinished_queue_input_jobs=lambda: has_queue)
    internals.SnakemakeWorkflow(SimpleNamespace(scheduler=scheduler, dag=dag)).select_jobs_only_on_changes()
    return scheduler, repeated


def select(scheduler: SimpleNamespace, count: int) -> int:
    """Select jobs as Snakemake does; return how many the limit allows."""
    free: int = scheduler.job_rate_limiter.get_free_jobs()
    if free:
        scheduler.job_rate_limiter.register_jobs(min(count, free))
    scheduler._schedule_reevalutation(scheduler.job_rate_limiter.timespan)
    return free


def test_jobs_are_selected_again_after_a_pause_only_if_the_limit_of_starts_was_reached() -> None:
    scheduler, repeated = scheduler_with_limit(3)
    assert select(scheduler, 2) == 3
    assert repeated == []
    assert select(scheduler, 2) == 1
    assert repeated == [1.0]
    assert select(scheduler, 1) == 0
    assert repeated == [1.0, 1.0]


def test_jobs_that_a_queue_adds_are_still_looked_for() -> None:
    scheduler, repeated = scheduler_with_limit(3, has_queue=True)
    select(scheduler, 1)
    assert repeated == [1.0]
