"""Jobs that wait for what never comes."""

from __future__ import annotations

from fairmesh.schedulers import JobInfo, find_scheduler
from fairmesh.workflow.run import QueueWatcher
from tests.schedulers.jobs import slurm_job


def job(reason: str, is_hopeless: bool) -> JobInfo:
    return slurm_job("7", "PENDING", reason=reason, is_hopeless=is_hopeless)


def test_a_reason_counts_when_it_stays() -> None:
    watcher = QueueWatcher("run", find_scheduler("slurm"))
    never, later = job("BadConstraints", is_hopeless=True), job("Resources", is_hopeless=False)
    assert watcher.look({"7": never}) == {}
    assert watcher.look({"7": later}) == {}
    assert watcher.look({"7": never}) == {}
    assert watcher.look({"7": never}) == {"7": "BadConstraints"}
