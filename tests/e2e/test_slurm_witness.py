"""A real Slurm as a witness: what it says of a job is proof, and its silence is none."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from fairmesh.runner import owner, scheduler
from fairmesh.schedulers import SchedulerError, find_scheduler
from tests.slurm.cluster import SlurmCluster
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.clusters]


@pytest.fixture
def asked(slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlurmCluster]:
    """Make this process ask the cluster, as a runner elsewhere would."""
    for name in ("SLURM_CONF", "PATH"):
        monkeypatch.setenv(name, slurm.environment[name])
    monkeypatch.setenv("FAIRMESH_SCHEDULER", "slurm")  # SGE may be installed, too
    forget()
    yield slurm
    forget()


def forget() -> None:
    """Forget what was answered before."""
    scheduler._known.clear()
    scheduler._unanswered.clear()
    find_scheduler("slurm")._cluster = ""  # type: ignore[attr-defined]


def submit(cluster: SlurmCluster, *options: str) -> str:
    """Submit a job that sleeps, and give its number."""
    command = ("sbatch", "--parsable", "--output=/dev/null", '--comment=it\'s a "comment"', *options)
    return cluster.ask(*command, "--wrap=sleep 60").strip()


def described(job_id: str, restart: int = 0) -> owner.Owner:
    """Describe an owner on another host."""
    found = scheduler.jobs([job_id])
    assert found
    mine = owner.current_process()
    return mine | {"host": "elsewhere", "job_id": job_id, "restart": restart, "cluster": found[job_id].cluster}


def state(job_id: str) -> str:
    """Return a job's state."""
    return (scheduler.jobs([job_id]) or {})[job_id].word


def test_a_job_is_described(asked: SlurmCluster) -> None:
    job_id = submit(asked, "--job-name=näme, with a comma", "--time=1:00:00")
    wait_until(lambda: state(job_id) == "RUNNING", "the job runs")
    found = (scheduler.jobs() or {})[job_id]
    assert (found.name, found.comment, found.time_limit) == ("näme, with a comma", 'it\'s a "comment"', 3600)
    assert found.node in {"n1", "n2", "n3"}
    assert not found.has_ended


def test_an_owner_lives_as_long_as_its_job(asked: SlurmCluster) -> None:
    job_id = submit(asked)
    who = described(job_id)
    assert owner.is_alive(who) is True
    asked.ask("scancel", job_id)
    wait_until(lambda: state(job_id) == "CANCELLED", "the job is cancelled")
    assert owner.is_alive(who) is False


def test_an_owner_is_gone_when_its_job_runs_another_time(asked: SlurmCluster) -> None:
    job_id = submit(asked)
    wait_until(lambda: state(job_id) == "RUNNING", "the job runs")
    who = described(job_id)
    asked.ask("scontrol", "requeue", job_id)
    wait_until(lambda: state(job_id) == "PENDING", "the job is in the queue again")
    forget()
    assert owner.is_alive(who) is False
    assert owner.is_alive(who | {"restart": 1}) is True


def test_a_number_that_its_own_cluster_does_not_know_is_over(asked: SlurmCluster) -> None:
    who = described(submit(asked)) | {"job_id": "99999"}
    assert owner.is_alive(who) is False


@pytest.mark.parametrize("stranger", [{"cluster": "another"}, {"cluster": ""}, {"job_id": "7.lsf"}])
def test_what_another_scheduler_knows_is_not_judged(asked: SlurmCluster, stranger: dict[str, str]) -> None:
    assert owner.is_alive(described(submit(asked)) | stranger) is None


def test_silence_proves_nothing(asked: SlurmCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    who = described(submit(asked))
    forget()
    monkeypatch.setattr(scheduler, "PATIENCE", 1.0)
    asked.kill("slurmctld")
    try:
        begun = time.monotonic()
        assert owner.is_alive(who) is None
        assert owner.is_alive(who) is None
        assert time.monotonic() - begun < 5, "who gives no answer is not asked again at once"
        assert scheduler.may_start(str(who["job_id"]))
    finally:
        asked.start("slurmctld")


def test_many_questions_are_one_call(asked: SlurmCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [submit(asked) for _ in range(3)]
    who = [described(job_id) for job_id in ids]
    scheduler.jobs()

    def fail(*_: object, **__: object) -> NoReturn:
        raise SchedulerError("not asked again")

    monkeypatch.setattr(type(find_scheduler("slurm")), "jobs", fail)
    assert [owner.is_alive(job_owner) for job_owner in who] == [True, True, True]
