"""Watching and steering on a real cluster of Slurm's: what is queued, what runs, and what shares a job with others."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from fairmesh import schema
from tests.e2e.workplace import RECORDS_ONLY, Workplace
from tests.slurm.cluster import SlurmCluster
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.clusters]
LEAN = pytest.mark.parametrize("slurm_workplace", ["slurm-lean"], indirect=True)
QUICK_RETRY = tuple(f"--snakemake={option}" for option in RECORDS_ONLY)


def sweep(place: Workplace, count: int, seconds: float, **keys: object) -> None:
    """Write a study of so many experiments that take so long, each with a whole node for itself."""
    place.study({"value": list(range(1, count + 1))}, derive={"threads": "2"}, **keys)
    place.edit("toy/application.yaml", "default: 0, minimum: 0, unit: s", f"default: {seconds}, minimum: 0, unit: s")


def told(place: Workplace, *study: str) -> dict[str, dict[str, Any]]:
    """Return what the command line says of each experiment."""
    found = json.loads(place.fairmesh("status", *study, "--json"))
    return {experiment["id"]: experiment for experiment in found["experiments"]}


def in_state(place: Workplace, state: str) -> list[str]:
    """Return the experiments that the command line says are in a state."""
    return [identity for identity, experiment in told(place).items() if experiment["state"] == state]


def queued(cluster: SlurmCluster | None) -> dict[str, str]:
    """Return the state of each job that Slurm has in its queue."""
    assert cluster
    lines = cluster.ask("squeue", "--noheader", "--format=%i %T").splitlines()
    return dict(line.split() for line in lines)


@LEAN
def test_what_is_queued_and_what_runs_is_seen_cancelled_and_retried(slurm_workplace: Workplace) -> None:
    place = slurm_workplace
    sweep(place, 5, 10)
    process = place.start(*RECORDS_ONLY)
    wait_until(lambda: len(place.experiments_started()) == 3, "three nodes are busy")
    found = told(place)
    running, waiting = (
        [identity for identity, experiment in found.items() if experiment["state"] == state]
        for state in ("running", "queued")
    )
    assert (len(running), len(waiting)) == (3, 2)
    assert {found[identity]["job_id"] for identity in found} == set(queued(place.cluster))
    assert {found[identity]["host"] for identity in running} == {"n1", "n2", "n3"}
    assert all(re.fullmatch(r"job \d+ waits(: \w+)?", found[identity]["reason"]) for identity in waiting)

    said = place.fairmesh("cancel", running[0], "--where", "value > 0")
    assert said == f"{running[0]}: running, cancelled\n"
    place.fairmesh("cancel", waiting[0])
    assert found[waiting[0]]["job_id"] not in queued(place.cluster), "Slurm let it go at once"
    assert told(place)[waiting[0]]["state"] == "cancelled"
    place.fairmesh("status", "--watch", status=1)
    assert process.wait(120) == 1, process.communicate()[0]
    found = told(place)
    assert {identity for identity, experiment in found.items() if experiment["state"] == "cancelled"} == {
        running[0],
        waiting[0],
    }
    for identity in (running[0], waiting[0]):
        assert re.fullmatch(r"cancelled by \S+ at \S+Z", found[identity]["reason"])
    assert waiting[0] not in place.experiments_started()

    place.edit("toy/toy.py", '"saves"} else float(seconds)', '"saves"} else 0')
    place.fairmesh("retry", *QUICK_RETRY)
    assert {experiment["state"] for experiment in told(place).values()} == {"done"}
    assert place.experiments_started() == dict.fromkeys(found, 1) | {running[0]: 2}
    assert {experiment["host"] for experiment in told(place).values()} <= {"n1", "n2", "n3"}


@LEAN
def test_a_member_is_cancelled_and_its_bundle_goes_on(slurm_workplace: Workplace) -> None:
    place = slurm_workplace
    sweep(place, 3, 5)
    process = place.start(*RECORDS_ONLY, "--fairmesh-bundle", "3")
    wait_until(lambda: len(place.experiments_started()) == 1, "the first of the bundle runs")
    found = told(place)
    (running,) = (identity for identity, experiment in found.items() if experiment["state"] == "running")
    second, third = (identity for identity, experiment in found.items() if experiment["state"] == "queued")
    (number,) = queued(place.cluster)
    assert f"its turn comes in job {number} on " in found[second]["reason"]
    place.fairmesh("cancel", second)
    assert queued(place.cluster) == {number: "RUNNING"}
    assert told(place)[second]["state"] == "cancelled"
    assert process.wait(120) == 1, process.communicate()[0]
    assert {identity: experiment["state"] for identity, experiment in told(place).items()} == {
        running: "done",
        second: "cancelled",
        third: "done",
    }
    assert set(place.experiments_started()) == {running, third}


@LEAN
def test_a_whole_run_is_cancelled_on_every_node(slurm_workplace: Workplace) -> None:
    place = slurm_workplace
    sweep(place, 4, 1000)
    process = place.start(*RECORDS_ONLY)
    wait_until(lambda: len(place.experiments_started()) == 3, "three nodes are busy")
    wait_until(lambda: len(in_state(place, "running")) == 3, "all are told to run")
    place.fairmesh("cancel", "--all")
    place.fairmesh("cancel", "--all")
    wait_until(lambda: not queued(place.cluster), "Slurm's queue is empty")
    assert process.wait(120) == 1, process.communicate()[0]
    found = told(place)
    assert {experiment["state"] for experiment in found.values()} == {"cancelled"}
    assert all("cancelled by " in experiment["reason"] for experiment in found.values())
    assert sum(place.experiments_started().values()) == 3
    assert place.cluster
    wait_until(lambda: place.cluster is None or not place.cluster.processes(), "nothing is left on the nodes")
    about = json.loads(next(place.results.glob("sweep/runs/*/run.json")).read_text())
    assert re.fullmatch(r"[0-9a-f-]{36}", about["executor_run"])


@LEAN
def test_what_somebody_submits_by_hand_is_seen_and_cancelled(slurm_workplace: Workplace) -> None:
    place = slurm_workplace
    place.study({"value": [1]})
    machines = schema.dump_yaml({"mine": {"kind": "profile", "scheduler": "slurm"}})
    (place.folder / "config/machines.yaml").write_text(machines)
    place.fairmesh("render", "study.yaml", "--machine", "mine", "--out", "out")
    (folder,) = (place.folder / "out/sweep/experiments/mine").iterdir()
    subprocess.run(["sbatch", "--hold", "job.sh"], cwd=folder, env=place.environment, check=True, capture_output=True)
    (number,) = queued(place.cluster)
    found = told(place, "out/sweep")["value=1"]
    assert (found["state"], found["job_id"]) == ("queued", number)
    assert found["reason"] == f"job {number} waits: JobHeldUser"
    place.fairmesh("cancel", "value=1", "--study", "out/sweep")
    assert not queued(place.cluster)
    assert told(place, "out/sweep")["value=1"]["state"] == "cancelled"
