"""Jobs that wait for what never comes."""

from __future__ import annotations

from fairmesh.schedulers import JobInfo
from fairmesh.workflow.guard import Guard
from tests.schedulers.jobs import slurm_job


def job(reason: str, is_hopeless: bool) -> JobInfo:
    return slurm_job("7", "PENDING", reason=reason, is_hopeless=is_hopeless)


def test_a_reason_counts_when_it_stays() -> None:
    guard = Guard("run")
    never, later = job("BadConstraints", is_hopeless=True), job("Resources", is_hopeless=False)
    assert guard.look({"7": never}) == {}
    assert guard.look({"7": later}) == {}
    assert guard.look({"7": never}) == {}
    assert guard.look({"7": never}) == {"7": "BadConstraints"}
