"""Which limit of Slurm's queue concerns whose jobs."""

from __future__ import annotations

import pytest

from fairmesh.jobs.slurm_limits import QueueLimits


def association(account: str, **changes: str) -> dict[str, str]:
    """Return a user's association, without limits but for those that are named."""
    row = dict.fromkeys(("partition", "maxsubmit", "grpsubmit", "defaultqos"), "")
    return row | {"account": account, "qos": "normal"} | changes


def qos(name: str, **changes: str) -> dict[str, str]:
    """Return a QOS, without limits but for those that are named."""
    row = dict.fromkeys(("maxsubmitjobsperuser", "maxsubmitjobsperaccount", "grpsubmit"), "")
    return row | {"name": name} | changes


ONE = association("climate", maxsubmit="20")
OTHER = association("ocean", maxsubmit="7", defaultqos="long")
NORMAL, LONG = qos("normal", maxsubmitjobsperuser="9"), qos("long", grpsubmit="3")
GPU = association("climate", partition="gpu", maxsubmit="2")


@pytest.mark.parametrize(
    ("associations", "jobs", "expected"),
    [
        ([ONE], [{}], (9, "MaxSubmitJobsPerUser of QOS normal")),
        ([ONE], [{"slurm_account": "climate", "qos": "none"}], (20, "MaxSubmitJobs of account climate")),
        ([ONE, OTHER], [{"slurm_account": "ocean"}], (3, "GrpSubmitJobs of QOS long")),
        ([ONE, OTHER], [{"slurm_account": "ocean", "qos": "normal"}], (7, "MaxSubmitJobs of account ocean")),
        ([ONE, OTHER], [{}], None),
        ([ONE, GPU], [{"slurm_partition": "gpu"}], (2, "MaxSubmitJobs of account climate")),
        ([ONE, GPU], [{"slurm_partition": "main"}], (9, "MaxSubmitJobsPerUser of QOS normal")),
        ([ONE, GPU], [{}, {"slurm_partition": "main,gpu"}], (2, "MaxSubmitJobs of account climate")),
        ([association("climate", qos="long,normal")], [{}], None),
        ([], [{}], None),
    ],
)
def test_the_lowest_limit_that_is_certain(
    associations: list[dict[str, str]], jobs: list[dict[str, object]], expected: tuple[int, str] | None
) -> None:
    assert QueueLimits(tuple(associations), (NORMAL, LONG)).lowest(jobs) == expected


def test_what_all_users_have_together_limits_each() -> None:
    assert QueueLimits((ONE,), (), 5).lowest([{}]) == (5, "MaxJobCount, of all users together")
