"""Jobs that wait for what never comes."""

from __future__ import annotations

import pytest

from fairmesh.runner.scheduler import Job
from fairmesh.workflow.guard import Guard, can_never_start


def job(reason: str, state: str = "PENDING") -> Job:
    empty = dict.fromkeys(Job._fields, "")
    return Job(**{**empty, "id": "7", "state": state, "reason": reason})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "never"),
    [
        ("BadConstraints", True),
        ("PartitionTimeLimit", True),
        ("PartitionNodeLimit", True),
        ("AssocMaxWallDurationPerJobLimit", True),
        ("QOSMaxCpuPerJobLimit", True),
        ("QOSMaxMemoryPerNode", True),
        ("launch failed requeued held", True),
        ("Resources", False),
        ("Priority", False),
        ("AssocMaxJobsLimit", False),
        ("QOSMaxJobsPerUserLimit", False),
        ("AssocGrpCpuLimit", False),
        ("ReqNodeNotAvail, UnavailableNodes:n1", False),
        ("Dependency", False),
        ("JobHeldUser", False),
        ("", False),
    ],
)
def test_reasons(reason: str, never: bool) -> None:
    assert can_never_start(job(reason)) is never
    assert not can_never_start(job(reason, "RUNNING"))


def test_a_reason_counts_when_it_stays() -> None:
    guard = Guard("run")
    assert guard.look({"7": job("BadConstraints")}) == {}
    assert guard.look({"7": job("Resources")}) == {}
    assert guard.look({"7": job("BadConstraints")}) == {}
    assert guard.look({"7": job("BadConstraints")}) == {"7": "BadConstraints"}
