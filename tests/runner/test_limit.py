"""When a program is asked to end."""

from __future__ import annotations

import time

import pytest

from fairmesh.runner import limit
from fairmesh.runner.limit import Limit


@pytest.mark.parametrize(
    ("minutes", "left", "asked_after", "because"),
    [
        (10, None, 600, "its runtime of 10 minutes"),
        (10, 600, 540, "the time of job 7"),
        (10, 40, 30, "the time of job 7"),
        (1, 6000, 60, "its runtime of 1 minutes"),
        (None, 600, 540, "the time of job 7"),
    ],
)
def test_a_program_is_asked_before_its_job_ends(
    monkeypatch: pytest.MonkeyPatch, minutes: int | None, left: float | None, asked_after: float, because: str
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr(limit, "seconds_left", lambda: left)
    found = limit.of_program(minutes)
    assert found.deadline - time.monotonic() == pytest.approx(asked_after, abs=1)
    assert because in found.reason


def test_a_program_without_a_limit_is_never_asked() -> None:
    assert not limit.of_program(None).is_reached(signalled=True)


def test_where_the_scheduler_cannot_be_asked_its_signal_near_the_end_means_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LSB_JOBID", "7")
    found = limit.of_program(10)
    assert not found.is_reached(signalled=True)
    near = Limit(time.monotonic() + 30, found.reason, None, found.slack)
    assert near.is_reached(signalled=True)
    assert not near.is_reached(signalled=False)
