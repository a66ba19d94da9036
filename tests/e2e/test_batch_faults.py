"""Studies on a real SGE, and on stand-ins for LSF's programs, and all that can happen to them.

Each experiment is done once, or says why not; what has nothing to do with a scheduler is in test_slurm_faults.
"""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from fairmesh import schema
from tests.conftest import FAULT
from tests.e2e.test_slurm_faults import begin, conclude, end, job_of, left_running, once, sweep
from tests.e2e.workplace import RECORDS_ONLY, Workplace, kill
from tests.lsf.cluster import LsfStandIn
from tests.sge.cluster import SgeCluster
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.clusters]
SGE = pytest.mark.parametrize("batch", ["sge"], indirect=True)
STATES = ("running", "queued")
Batch = SgeCluster | LsfStandIn
Survived = Callable[..., None]


def assert_submitted(place: Workplace, count: int, lost: int = 0) -> None:
    """Check how many jobs were submitted for a study, ended ones too; accounting shows those a moment later."""
    about = [json.loads(path.read_text()) for path in place.results.glob("sweep/runs/*/run.json")]
    names = [run["executor_run"] for run in about]
    assert isinstance(place.cluster, Batch)
    deadline = time.monotonic() + 30
    while place.cluster.submitted(names) < count and time.monotonic() < deadline:
        time.sleep(0.5)
    assert count - lost <= place.cluster.submitted(names) <= count


def states(place: Workplace) -> dict[str, dict[str, Any]]:
    """Return what the command line says of each experiment."""
    found = json.loads(place.fairmesh("status", "--json"))
    return {experiment["id"]: experiment for experiment in found["experiments"]}


@pytest.fixture
def survived(batch_workplace: Workplace, record_property: Callable[[str, object], None]) -> Survived:
    """Return the function that a test ends with; it adds a line to the table in the end of all tests."""

    def note(fault: str, starts: Mapping[str, int], ends: Mapping[str, tuple[str, str]] | None = None) -> None:
        found = conclude(batch_workplace, starts, ends)
        stands_in = ", stand-ins" if batch_workplace.profile == "lsf" else ""
        where = f"{fault} ({batch_workplace.profile}{stands_in})"
        record_property(FAULT, (where, len(starts), len(starts) - len(ends or {}), sum(starts.values()), found))

    return note


def test_a_study_is_done_and_the_site_says_where(batch_workplace: Workplace, batch: Batch) -> None:
    place = batch_workplace
    place.study({"union": [{"value": [1, 2]}, {"value": 3, "gpu": "a100"}]}, derive={"runtime": "2 + value"})
    place.run()
    assert place.recorded() == {"value=1", "value=2", "gpu=a100+value=3"}
    assert_submitted(place, 4)
    with (place.results / "sweep/results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["state"] for row in rows} == {"done"}
    assert (place.folder / "site/public/index.html").exists()
    record = place.record("value=1")
    assert record["provenance"]["scheduler"]["job"].isdigit()
    assert place.run().count("experiments have results") or place.experiments_started() == once(list(place.recorded()))


def test_what_a_killed_snakemake_left_running_and_queued_is_submitted_once(
    batch_workplace: Workplace, survived: Survived
) -> None:
    ids = sweep(batch_workplace, 8, 20)  # of which six run at once
    kill(begin(batch_workplace, 4))
    batch_workplace.run(*RECORDS_ONLY)
    assert "localrule collect" in batch_workplace.snakemake_log()
    assert_submitted(batch_workplace, 9)
    survived("SIGKILL of Snakemake, again at once", once(ids))


def test_what_a_bundle_has_not_come_to_when_snakemake_is_killed_is_waited_for(
    batch_workplace: Workplace, survived: Survived
) -> None:
    ids = sweep(batch_workplace, 4, 3)
    kill(begin(batch_workplace, 1, "--fairmesh-bundle", "4"))
    batch_workplace.run(*RECORDS_ONLY, "--fairmesh-bundle", "4")
    assert_submitted(batch_workplace, 2)
    survived("SIGKILL of Snakemake, four in one job", once(ids))


def test_what_ended_after_snakemake_was_killed_is_only_collected(
    batch_workplace: Workplace, survived: Survived
) -> None:
    ids = sweep(batch_workplace, 3, 2)
    kill(begin(batch_workplace, 3))
    wait_until(lambda: not left_running(batch_workplace), "the orphans have ended")
    batch_workplace.run(*RECORDS_ONLY)
    assert_submitted(batch_workplace, 4)
    survived("SIGKILL of Snakemake, again after the orphans ended", once(ids))


def test_a_signal_ends_the_run_and_the_next_one_finishes_it(batch_workplace: Workplace, survived: Survived) -> None:
    ids = sweep(batch_workplace, 8, 6)
    process = begin(batch_workplace, 4)
    os.kill(process.pid, signal.SIGINT)
    end(process, 1)
    wait_until(lambda: not left_running(batch_workplace), "its jobs are gone, or have ended")
    finished = batch_workplace.recorded()
    batch_workplace.run(*RECORDS_ONLY)
    starts = batch_workplace.experiments_started()
    assert all(starts[identity] == 1 for identity in finished)
    assert set(starts.values()) <= {1, 2}
    survived("SIGINT to Snakemake", {identity: starts[identity] for identity in ids})


def test_a_job_that_somebody_deletes_alone_is_missing(
    batch_workplace: Workplace, batch: Batch, survived: Survived
) -> None:
    ids = sweep(batch_workplace, 3, 8)
    process = begin(batch_workplace, 3)
    batch.delete(job_of(batch_workplace, ids[1]))
    end(process, 1)
    survived("a running job deleted", once(ids), {ids[1]: ("cancelled", "SIGUSR2|SIGINT|SIGTERM")})


def test_a_job_that_somebody_deletes_while_it_waits_is_not_started(batch_workplace: Workplace, batch: Batch) -> None:
    sweep(batch_workplace, 2, 0)
    batch_workplace.run(*RECORDS_ONLY, "--until", "stage")
    with batch.closed():
        process = batch_workplace.start(*RECORDS_ONLY)
        wait_until(lambda: len(batch.states()) == 2, "both are queued")
        found = states(batch_workplace)
        assert {experiment["state"] for experiment in found.values()} == {"queued"}
        batch.delete(found["value=1"]["job_id"])
        wait_until(lambda: len(batch.states()) == 1, "it is gone")
    end(process, 1)
    found = states(batch_workplace)
    assert (found["value=1"]["state"], found["value=2"]["state"]) == ("cancelled", "done")
    assert batch_workplace.experiments_started() == {"value=2": 1}


def test_an_experiment_that_overruns_its_time_can_save_and_says_timeout(
    batch_workplace: Workplace, survived: Survived
) -> None:
    batch_workplace.study({"behaviour": ["good", "saves"]}, derive={"runtime": "1"})
    batch_workplace.run(*RECORDS_ONLY, status=1)
    assert (batch_workplace.job("behaviour=saves") / "attempts/1/saved").exists()
    ids = ["behaviour=good", "behaviour=saves"]
    survived("an overrun of its time", once(ids), {ids[1]: ("timeout", "did not end in the time of job")})


def test_a_job_that_is_put_back_into_the_queue_goes_on(
    batch_workplace: Workplace, batch: Batch, survived: Survived
) -> None:
    batch_workplace.study({"value": [1], "behaviour": ["resumes"], "seconds": [40]})  # SGE warns 15 s before
    identity = "behaviour=resumes+seconds=40+value=1"
    process = begin(batch_workplace, 1)
    time.sleep(4)
    batch.requeue(job_of(batch_workplace, identity))
    end(process)
    done = [(batch_workplace.job(identity) / f"attempts/{number}/done").stat().st_size for number in (1, 2)]
    assert 0 < done[0] < done[1] == 400
    survived("a job put back into the queue", {identity: 2})


def test_nothing_is_submitted_again_while_the_scheduler_is_silent(
    batch_workplace: Workplace, batch: Batch, survived: Survived
) -> None:
    ids = sweep(batch_workplace, 8, 20)  # of which six run at once
    kill(begin(batch_workplace, 6))
    with batch.closed(), batch.silent():
        assert "the scheduler does not answer" in batch_workplace.fairmesh("status")
        refused = batch_workplace.run(*RECORDS_ONLY, "--config", "scheduler_patience=0", status=1)
        assert "of a run that was killed may be in its queue" in refused.splitlines()[-1]
        again = batch_workplace.start(*RECORDS_ONLY)
        time.sleep(5)
    end(again)
    assert "localrule collect" in batch_workplace.snakemake_log()
    assert_submitted(batch_workplace, 9)
    survived("SIGKILL of Snakemake, and a silent scheduler", once(ids))


def test_a_full_queue_is_waited_for(batch_workplace: Workplace, batch: Batch, survived: Survived) -> None:
    ids = sweep(batch_workplace, 5, 1)
    with batch.limited(2):
        output = batch_workplace.run(*RECORDS_ONLY)
    assert re.search(
        r"does not take the job: .*(only 2 jobs are allowed|Pending job threshold).*; it is tried again", output
    )
    survived("a queue for two jobs", once(ids))


def test_what_is_queued_and_what_runs_is_seen_and_cancelled(batch_workplace: Workplace, batch: Batch) -> None:
    place = batch_workplace
    sweep(place, 8, 30)
    process = begin(place, 6)
    wait_until(lambda: sum(experiment["state"] == "running" for experiment in states(place).values()) == 6, "six run")
    found = states(place)
    running, waiting = (
        [name for name, experiment in found.items() if experiment["state"] == state] for state in ("running", "queued")
    )
    assert (len(running), len(waiting)) == (6, 2)
    assert all(experiment["job_id"] in batch.states() for experiment in found.values())
    assert place.fairmesh("cancel", running[0]) == f"{running[0]}: running, cancelled\n"
    place.fairmesh("cancel", waiting[0])
    wait_until(lambda: found[waiting[0]]["job_id"] not in batch.states(), "the job is gone")
    assert states(place)[waiting[0]]["state"] == "cancelled"
    place.fairmesh("cancel", "--all")
    assert process.wait(120) == 1, process.communicate()[0]
    found = states(place)
    assert {experiment["state"] for experiment in found.values()} == {"cancelled"}
    assert all(re.fullmatch(r"cancelled by \S+ at \S+Z", experiment["reason"]) for experiment in found.values())
    wait_until(lambda: not left_running(place), "nothing is left")


def test_what_somebody_submits_by_hand_is_seen_and_cancelled(batch_workplace: Workplace, batch: Batch) -> None:
    place = batch_workplace
    place.study({"value": [1]})
    place.fairmesh("render", "study.yaml", "--machine", place.profile, "--out", "out")
    (folder,) = (place.folder / f"out/sweep/experiments/{place.profile}").iterdir()
    submit = {"sge": "qsub job.sh", "lsf": "bsub < job.sh"}[place.profile]
    assert submit in (folder / "job.sh").read_text()
    with batch.closed():
        subprocess.run(submit, shell=True, cwd=folder, env=place.environment, check=True, capture_output=True)  # noqa: S602
        (number,) = batch.states()
        (found,) = json.loads(place.fairmesh("status", "out/sweep", "--json"))["experiments"]
        assert (found["state"], found["job_id"]) == ("queued", number)
        place.fairmesh("cancel", "value=1", "--study", "out/sweep")
        wait_until(lambda: not batch.states(), "it is gone")


def test_a_rendered_study_is_submitted_by_its_script(batch_workplace: Workplace, batch: Batch) -> None:
    place = batch_workplace
    place.study({"value": [1, 2]})
    place.fairmesh("render", "study.yaml", "--machine", place.profile, "--out", "out")
    script = ["bash", str(place.folder / "out/sweep/submit.sh")]
    with batch.closed():
        output = subprocess.run(script, env=place.environment, check=True, capture_output=True, text=True).stdout
        assert "3 submitted, 0 not, 0 in the queue already" in output
        output = subprocess.run(script, env=place.environment, check=True, capture_output=True, text=True).stdout
        assert "0 submitted, 0 not, 3 in the queue already" in output
    wait_until(lambda: not batch.states(), "all have ended", 120)
    found = json.loads(place.fairmesh("status", "out/sweep", "--json"))["experiments"]
    assert {experiment["state"] for experiment in found} == {"done"}
    assert place.experiments_started() == {"value=1": 1, "value=2": 1}


@pytest.mark.parametrize("batch", ["sge", "lsf"], indirect=True)
def test_a_queue_that_nobody_knows_is_named_before_the_run(batch_workplace: Workplace) -> None:
    name = f"{batch_workplace.profile}_queue"
    batch_workplace.study({"value": [1]}, derive={name: "'nosuch'"})
    output = batch_workplace.run(*RECORDS_ONLY, status=2)
    assert "is not known to" in output
    assert not batch_workplace.starts()
    assert "Traceback" not in output


@SGE
def test_what_sge_would_refuse_is_said_before_the_run(batch_workplace: Workplace) -> None:
    batch_workplace.study({"value": [1, 2]}, derive={"threads": "64"})
    output = batch_workplace.run(*RECORDS_ONLY, status=2)
    assert re.search(
        r"SGE would refuse value=1 \(and 1 more\), which asks for .*-pe smp 64.*: cannot run in PE", output
    )
    assert not batch_workplace.experiments_started()


@SGE
def test_a_job_in_error_state_is_ended_with_the_reason(batch_workplace: Workplace, sge: SgeCluster) -> None:
    sweep(batch_workplace, 1, 0)
    batch_workplace.run(*RECORDS_ONLY, "--until", "stage")
    with sge.prolog(_failing_prolog(sge)):
        output = batch_workplace.run(*RECORDS_ONLY, status=1)
    assert re.search(r"SGE's job \d+ can never start: .*prolog", output), output
    assert not batch_workplace.experiments_started()
    assert states(batch_workplace)["value=1"]["state"] in {"failed", "cancelled"}


def _failing_prolog(sge: SgeCluster) -> str:
    program = Path(sge.folder / "bin/prolog")
    program.write_text("#!/bin/sh\nexit 100\n")  # the status that puts a job into error state
    program.chmod(0o755)
    return str(program)


@SGE
@pytest.mark.parametrize("daemon", ["qmaster", "execd"])
def test_a_daemon_that_is_killed_and_comes_back_costs_nothing(
    batch_workplace: Workplace, sge: SgeCluster, survived: Survived, daemon: str
) -> None:
    ids = sweep(batch_workplace, 8, 12)
    process = begin(batch_workplace, 6)
    sge.kill(daemon)
    time.sleep(4)
    sge.start(daemon)
    end(process)
    # The accounting loses the record of a job that ends while qmaster dies.
    assert_submitted(batch_workplace, 9, lost=1 if daemon == "qmaster" else 0)
    survived(f"{daemon} killed and restarted", once(ids))


@SGE
@pytest.mark.long
def test_what_ran_on_a_host_that_lost_its_power_is_started_again_by_sge(
    batch_workplace: Workplace, sge: SgeCluster, survived: Survived
) -> None:
    ids = sweep(batch_workplace, 2, 10)
    process = begin(batch_workplace, 2)
    sge.kill_host()
    sge.start("execd")
    end(process)
    assert_submitted(batch_workplace, 3)
    survived("a host that lost its power, SGE starts its jobs again", dict.fromkeys(ids, 2))


@SGE
def test_a_suspended_job_goes_on(batch_workplace: Workplace, sge: SgeCluster, survived: Survived) -> None:
    ids = sweep(batch_workplace, 1, 30)
    process = begin(batch_workplace, 1)
    job = job_of(batch_workplace, ids[0])
    sge.ask("qmod", "-sj", job)
    time.sleep(20)  # the warning comes first, the stop some seconds later
    sge.ask("qmod", "-usj", job)
    end(process)
    survived("a job suspended", once(ids))


def test_the_doctor_looks_at_the_scheduler(batch_workplace: Workplace) -> None:
    place = batch_workplace
    (place.folder / "config/machines.yaml").write_text(
        schema.dump_yaml({place.profile: {"kind": "profile", "scheduler": place.profile}})
    )
    output = place.fairmesh("doctor", "--profile", f"profiles/{place.profile}", status=None)
    version = {"sge": "8.1.9, cluster fairmesh", "lsf": "10.1.0.0, cluster stand-in"}[place.profile]
    assert re.search(rf"^ok +{place.profile} .*{version}", output, re.MULTILINE), output
