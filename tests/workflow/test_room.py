"""Room in Slurm's queue: a run waits for it, and keeps to what there is."""

from __future__ import annotations

import pytest

from fairmesh.runner import scheduler
from fairmesh.schedulers import QueueLimit, find_scheduler
from fairmesh.workflow import scheduler_check
from tests.schedulers.jobs import slurm_job

LIMIT = QueueLimit(2, "MaxSubmitJobs of account fairmesh")
JOB = slurm_job("1", "RUNNING")


@pytest.mark.parametrize(
    ("counts", "free", "waits"), [([0], 2, False), ([1], 1, False), ([2, 2, 1], 1, True), ([3, 0], 2, True)]
)
def test_a_run_waits_until_a_job_fits(
    counts: list[int],
    free: int,
    waits: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    looks = iter(counts)
    monkeypatch.setattr(scheduler, "jobs", lambda **_: {str(number): JOB for number in range(next(looks))})
    monkeypatch.setattr(scheduler, "FRESH", 0.0)
    assert scheduler_check.wait_for_room(LIMIT, 100, find_scheduler("slurm")) == free
    assert ("this run waits for room" in capsys.readouterr().err) == waits
