"""Jobs of real schedulers, which are asked on the machine: submitted once each, watched, cancelled."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from fairmesh.machines.transport import UnreachableError
from tests.clusters import Cluster
from tests.needs import note_component
from tests.sge.cluster import SgeCluster
from tests.sge.cluster import cluster as sge_cluster
from tests.slurm.cluster import SlurmCluster
from tests.slurm.cluster import cluster as slurm_cluster
from tests.target.client import FOLDER, Client
from tests.target.patched import EVENTS, KILL_AT, PatchedClient
from tests.waiting import wait_until

pytestmark = [pytest.mark.clusters, pytest.mark.e2e]


@pytest.fixture(scope="module")
def slurm_of_module() -> Iterator[SlurmCluster]:
    with slurm_cluster(nodes=2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def sge_of_module() -> Iterator[SgeCluster]:
    with sge_cluster() as cluster:
        yield cluster


@pytest.fixture(params=["slurm", "sge"])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Return a real cluster without jobs."""
    cluster: Cluster = request.getfixturevalue(f"{request.param}_of_module")
    note_component(cluster.describe())
    cluster.wait_idle()
    return cluster


def client_of(cluster: Cluster, place: Path) -> Client:
    """Return a client whose machine is a login node of a cluster."""
    name = "slurm" if isinstance(cluster, SlurmCluster) else "sge"
    client = Client(place, environment=cluster.environment)
    client.machine["scheduler"] = name
    return client


@pytest.fixture
def far(cluster: Cluster, tmp_path: Path) -> Client:
    """Return a client of the cluster."""
    return client_of(cluster, tmp_path)


def start(client: Client, number: int = 1, **changes: Any) -> dict[str, Any]:
    """Start the job by the scheduler of the machine."""
    job = {"scheduler": client.machine["scheduler"], "name": "0123456789ab", "resources": {"runtime": 5}}
    return client.start(number, **job | changes)


def jobs_of(cluster: Cluster) -> list[str]:
    """Return the names of the jobs in the queue, as the scheduler shows them."""
    if isinstance(cluster, SlurmCluster):
        return cluster.ask("squeue", "--noheader", "--format=%j").split()
    return [line for line in cluster.ask("qstat", "-u", "*").splitlines() if line[:1].isspace() or line[:1].isdigit()]


def test_a_job_is_submitted_once_and_its_result_is_fetched(far: Client) -> None:
    far.render(seconds=1)
    far.store()
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(lambda _: start(far), range(4)))
    assert {state["number"] for state in states} == {1}
    state = far.wait("done")
    assert (state["is_committed"], state["number"]) == (True, 1)
    assert state["job_id"] == state["status"]["job_id"] == state["claim"]["job_id"]
    assert far.starts() == 1
    jobs = [{"folder": FOLDER, "attempts": [1]}]
    assert f"{FOLDER}/commit.json" in far.call("fetch", save=far.place / "back.tar", jobs=jobs)["manifest"]


def test_a_pending_job_says_why_and_is_removed_from_the_queue(far: Client, cluster: Cluster) -> None:
    far.render()
    far.store()
    held = {"slurm_extra": "--hold", "sge_extra": "-h"}
    start(far, resources={"runtime": 5, **held})
    state = far.poll()
    assert (state["state"], state["is_over"]) == ("queued", False)
    assert state["reason"].startswith(f"job {state['job_id']} waits")
    far.call("cancel", jobs=[FOLDER], who="ada")
    state = far.wait("cancelled")
    assert state["reason"].startswith("cancelled by ada at ")
    wait_until(lambda: not jobs_of(cluster), "the queue is empty")
    assert far.starts() == 0


def test_a_running_job_is_cancelled(far: Client) -> None:
    far.render(seconds=120)
    far.store()
    start(far)
    far.wait("running")
    far.call("cancel", jobs=[FOLDER], who="ada")
    assert far.wait("cancelled")["reason"].startswith("cancelled by ada at ")


def test_a_job_that_the_scheduler_refuses_fails_with_its_reason(far: Client) -> None:
    far.render()
    far.store()
    state = start(far, resources={"slurm_partition": "no-such", "sge_queue": "no-such.q"})
    assert (state["state"], state["is_over"], state["number"]) == ("failed", True, 1)
    assert "does not take the job: " in state["reason"]
    assert start(far)["state"] == "failed"
    start(far, 2)
    far.wait("done")


@pytest.mark.long
def test_a_job_whose_submission_was_interrupted_is_found_or_submitted_once(cluster: Cluster, tmp_path: Path) -> None:
    """The serving process is killed before each file event and each start of a program."""
    hit = 0
    for number in range(1, 40):
        client = client_of(cluster, tmp_path / str(number))
        client.place.mkdir()
        client.render()
        client.store()
        patch = KILL_AT.format(number=number, events=EVENTS)
        killed = PatchedClient(client.place, environment=client.environment, machine=client.machine, patch=patch)
        try:
            start(killed)
            break
        except UnreachableError:
            hit += 1

        def is_done(client: Client = client) -> bool:
            state = client.poll()
            if state["needs_start"] or state["state"] == "absent":
                start(client)
            return bool(state["state"] == "done")

        wait_until(is_done, f"the job is done after a kill at point {number}")
        assert client.starts() == 1, number
        assert [path.name for path in (client.job / "claims").iterdir()] == ["1"]
    assert hit > 5
    print(f"killed at {hit} points of a submission")


def test_a_scheduler_that_does_not_answer_is_no_proof(far: Client, cluster: Cluster) -> None:
    far.render(seconds=2)
    far.store()
    start(far)
    program = "squeue" if isinstance(cluster, SlurmCluster) else "qstat"
    hidden = far.place / "bin"
    hidden.mkdir()
    (hidden / program).write_text("#!/bin/sh\necho no contact >&2\nexit 1\n")
    (hidden / program).chmod(0o755)
    silent = Client(
        far.place,
        environment=dict(cluster.environment, PATH=f"{hidden}{os.pathsep}{cluster.environment['PATH']}"),
        machine=far.machine,
    )
    jobs = [{"folder": FOLDER, "fingerprint": "f" * 64}]
    answer = silent.call("poll", jobs=jobs)
    assert answer["scheduler"].endswith("does not answer") or answer["jobs"][FOLDER]["is_over"]
    assert answer["jobs"][FOLDER]["state"] in {"queued", "running", "done"}
    far.wait("done")
    assert far.starts() == 1


def test_hello_names_the_scheduler_and_its_cluster(far: Client) -> None:
    found = {entry["name"]: entry for entry in far.transport().call({"verb": "hello"})["schedulers"]}
    assert found[far.machine["scheduler"]]["version"]
    assert found[far.machine["scheduler"]]["cluster"]


@pytest.mark.long
def test_a_job_that_its_time_limit_ends_says_so(far: Client) -> None:
    far.render("import time; time.sleep(600)")
    far.store()
    start(far, resources={"runtime": 1})
    deadline = 150.0
    wait_until(lambda: far.poll()["is_over"], "the time limit is reached", deadline)
    assert far.poll()["state"] == "timeout"
