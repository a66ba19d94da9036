"""What Slurm's programs say, and what is asked of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.schedulers import JobState, Output, SchedulerError
from fairmesh.schedulers._slurm_limits import Limits
from fairmesh.schedulers.slurm import _FIELDS, Slurm, _parse_job, parse_time


def line(**values: str) -> str:
    """Return a line of squeue."""
    return "".join(f"{values.get(name, ''):<{width}}" for name, width in _FIELDS)


@pytest.mark.parametrize(
    ("reason", "is_hopeless"),
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
def test_reasons_that_never_go_away(reason: str, is_hopeless: bool) -> None:
    assert _parse_job(line(JobID="7", State="PENDING", Reason=reason)).is_hopeless is is_hopeless
    assert not _parse_job(line(JobID="7", State="RUNNING", Reason=reason)).is_hopeless


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("4:57", 297), ("1:02:03", 3723), ("2-01:02:03", 176523), ("UNLIMITED", None), ("Partition_Limit", None)],
)
def test_times(text: str, seconds: float | None) -> None:
    assert parse_time(text) == seconds


def test_a_job_is_read() -> None:
    job = _parse_job(line(JobID="7", State="OUT_OF_MEMORY", RestartCnt="2", NodeList="n1", Comment="(null)"))
    assert (job.id, job.state, job.word, job.restarts, job.node) == ("7", JobState.FAILED, "OUT_OF_MEMORY", 2, "n1")
    assert (job.comment, job.time_limit, job.has_ended) == ("", None, True)
    assert _parse_job(line(JobID="7", State="COMPLETING")).state is JobState.RUNNING


@pytest.mark.parametrize(
    ("reason", "is_transient", "is_unanswered"),
    [
        ("QOSMaxSubmitJobPerUserLimit", True, False),
        ("Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)", True, False),
        ("Unable to contact slurm controller (connect failure)", True, True),
        ("Slurm temporarily unable to accept job, sleeping and retrying", True, False),
        ("Socket timed out on send/recv operation", True, True),
        ("invalid partition specified: x; Invalid partition name specified", False, False),
        ("Requested node configuration is not available", False, False),
        ("Invalid account or account/partition combination specified", False, False),
    ],
)
def test_what_a_refusal_means(reason: str, is_transient: bool, is_unanswered: bool) -> None:
    error = Slurm().error(Output(1, "", f"sbatch: error: Batch job submission failed: {reason}\n"))
    assert error.reason == reason
    assert (error.is_transient, error.is_unanswered) == (is_transient, is_unanswered)


def test_a_missing_program_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SchedulerError, match="sbatch: No such file or directory") as error:
        Slurm().check({})
    assert not error.value.is_transient
    assert not Slurm().is_available()


def test_a_value_is_one_word_of_a_directive() -> None:
    assert Slurm().directives("k", {"constraint": "a&b; rm"})[2] == "#SBATCH '--constraint=a&b; rm'"
    with pytest.raises(SchedulerError, match="cannot be an option"):
        Slurm().directives("k", {"qos": "a\nb"})


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
    assert Limits(tuple(associations), (NORMAL, LONG)).lowest(jobs) == expected


def test_what_all_users_have_together_limits_each() -> None:
    assert Limits((ONE,), (), 5).lowest([{}]) == (5, "MaxJobCount, of all users together")
