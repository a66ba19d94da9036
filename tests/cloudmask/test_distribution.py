"""The devices of a training are read from TF_CONFIG or from a Slurm step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmask.errors import CloudmaskError, InputError
from cloudmask.model import distribution
from cloudmask.model.distribution import slurm_cluster

pytestmark = pytest.mark.usefixtures("tensorflow")
STEP = {
    "SLURM_JOB_ID": "4711",
    "SLURM_STEP_NUM_TASKS": "3",
    "SLURM_STEP_NODELIST": "n[9-10]",
    "SLURM_STEP_TASKS_PER_NODE": "2,1",
    "SLURM_NODEID": "1",
    "SLURM_LOCALID": "0",
}


def config(kind: str, index: int, **cluster: int) -> str:
    hosts = {name: [f"127.0.0.1:{port}" for port in range(count)] for name, count in cluster.items()}
    return json.dumps({"cluster": hosts, "task": {"type": kind, "index": index}})


@pytest.mark.parametrize(
    ("text", "members"),
    [
        ("{}", (0, 0)),
        (config("worker", 0, worker=1), (1, 0)),
        (config("worker", 1, worker=3), (3, 1)),
        (config("chief", 0, chief=1, worker=2), (3, 0)),
        (config("worker", 1, chief=1, worker=2), (3, 2)),
    ],
)
def test_processes_are_counted_from_the_chief(text: str, members: tuple[int, int]) -> None:
    assert distribution._members(text) == members


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "must be like"),
        ("[]", None),
        ('{"cluster": {"worker": ["a:1"]}}', "must be like"),
        ('{"cluster": [], "task": {"type": "worker", "index": 0}}', "must be like"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": "x"}}', "must be like"),
        (config("worker", 2, worker=2), "no worker 2 among its 2"),
        (config("ps", 0, worker=2), "no ps 0 among"),
    ],
)
def test_a_wrong_tf_config_is_told(text: str, said: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    if said is None:
        assert distribution.find_strategy().processes == 1
        return
    with pytest.raises(InputError, match=said):
        distribution.find_strategy()


def test_one_process_is_the_chief_and_agrees_with_itself() -> None:
    found = distribution.single_device()
    assert (found.devices, found.local, found.is_chief) == (1, 1, True)
    assert found.agree(7)
    assert found.any(False, True) == [False, True]


def test_the_tasks_of_a_step_are_numbered_node_by_node() -> None:
    found = slurm_cluster(STEP, lambda nodes: ["n9", "n10"] if nodes == "n[9-10]" else [])
    assert found is not None
    hosts, ports = zip(*(worker.split(":") for worker in found["cluster"]["worker"]), strict=True)
    assert hosts == ("n9", "n9", "n10")
    assert int(ports[1]) == int(ports[0]) + 1
    assert found["task"] == {"type": "worker", "index": 2}
    assert distribution._members(json.dumps(found)) == (3, 2)


@pytest.mark.parametrize("changes", [{"SLURM_STEP_NUM_TASKS": "1"}, {"SLURM_STEP_NUM_TASKS": None}])
def test_a_step_of_one_task_or_a_batch_script_is_alone(changes: dict[str, str | None]) -> None:
    environment = {name: value for name, value in (STEP | changes).items() if value is not None}
    assert slurm_cluster(environment | {"SLURM_NTASKS": "3", "SLURM_PROCID": "0"}) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"SLURM_STEP_TASKS_PER_NODE": "two"},
        {"SLURM_STEP_TASKS_PER_NODE": "3"},
        {"SLURM_NODEID": None},
        {"SLURM_JOB_ID": "x"},
    ],
)
def test_a_step_that_makes_no_sense_is_told(changes: dict[str, str | None]) -> None:
    environment = {name: value for name, value in (STEP | changes).items() if value is not None}
    with pytest.raises(CloudmaskError, match="the Slurm step is malformed"):
        slurm_cluster(environment, lambda _: ["n9", "n10"])


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.integers(1, 10**9))
def test_every_task_finds_itself_at_its_own_address(counts: list[int], job: int) -> None:
    short = ",".join(map(str, counts))
    seen = []
    for node, count in enumerate(counts):
        for local in range(count):
            environment = STEP | {
                "SLURM_JOB_ID": str(job),
                "SLURM_STEP_NUM_TASKS": str(max(sum(counts), 2)),
                "SLURM_STEP_TASKS_PER_NODE": short,
                "SLURM_NODEID": str(node),
                "SLURM_LOCALID": str(local),
            }
            found = slurm_cluster(environment, lambda _: [f"n{at}" for at in range(len(counts))])
            assert found is not None
            host, port = found["cluster"]["worker"][found["task"]["index"]].split(":")
            assert host == f"n{node}"
            assert 1024 < int(port) < 32768
            seen.append((host, port))
    assert seen == sorted(set(seen), key=seen.index)


@pytest.mark.parametrize("works", [True, False])
def test_slurm_itself_spells_out_its_nodes(works: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "scontrol"
    tool.write_text('#!/bin/sh\n[ "$*" = "show hostnames n[9-10]" ] && printf "n9\\nn10\\n"\n')
    monkeypatch.setenv("PATH", str(tmp_path) if works else "/nowhere")
    tool.chmod(0o755)
    if works:
        assert slurm_cluster(STEP) == slurm_cluster(STEP, lambda _: ["n9", "n10"])
        return
    with pytest.raises(CloudmaskError, match=r"scontrol cannot spell out the nodes n\[9-10\]"):
        slurm_cluster(STEP)
