"""Studies on rented machines: instances come up, run the experiments over ssh, and are destroyed.

Stand-ins: moto's server for EC2, commands for another provider. Each instance is a real sshd on loopback.
"""

from __future__ import annotations

import json
import os
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fairmesh.schema import dump_yaml
from tests import clusters
from tests.e2e.workplace import RECORDS_ONLY, Workplace, kill
from tests.ec2 import Ec2Instances, ec2_server
from tests.instances import Instances, is_available, provider_settings
from tests.needs import must_have, note_component
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.clusters]

AWS = {"kind": "cloud", "user": "root", "instances": 2, "price": 0.1}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield a folder with a short path."""
    must_have(is_available(), "no sshd: no instance was tried; apt-get install openssh-server")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="rent-") as name:
        yield Path(name)


@pytest.fixture
def instances(folder: Path) -> Iterator[Instances]:
    note_component("commands as a provider (stand-in for a cloud), each instance a real sshd")
    made = Instances(folder)
    try:
        yield made
    finally:
        made.destroy_all()


@contextmanager
def ec2(folder: Path) -> Iterator[tuple[Any, Ec2Instances]]:
    with ec2_server() as server:
        made = Ec2Instances(server, folder)
        try:
            yield server, made
        finally:
            made.close()


def write_machine(place: Workplace, **settings: Any) -> None:
    aws = AWS | {"setup": [f"export TOY_STARTS={place.folder}/starts"]} | settings
    (place.folder / "config/machines.yaml").write_text(dump_yaml({"local": {"kind": "local"}, "aws": aws}))


def records(place: Workplace) -> dict[str, str]:
    """Return the state of each record on the machine."""
    paths = sorted((place.results / "sweep/records/aws").glob("*.json"))
    return {path.stem: json.loads(path.read_text())["state"] for path in paths}


def test_a_study_on_two_rented_instances_ends_with_an_empty_list(workplace: Workplace, instances: Instances) -> None:
    write_machine(workplace, provider=provider_settings(instances.folder))
    workplace.study({"value": [1, 2, 3, 4]}, machines={"each": ["aws"]})
    output = workplace.run(*RECORDS_ONLY)
    assert records(workplace) == {f"value={value}": "done" for value in (1, 2, 3, 4)}
    assert workplace.experiments_started() == Counter({f"value={value}": 1 for value in (1, 2, 3, 4)})
    assert {entry["id"] for entry in instances.list({})} == {"vm-1", "vm-2"}
    assert instances.alive() == []
    assert "aws: created vm-1 (0.1 USD an hour)" in output


def test_a_study_on_ec2_ends_with_an_empty_list(workplace: Workplace, folder: Path) -> None:
    with ec2(folder) as (server, made):
        write_machine(workplace, provider=server.settings, ssh_config=str(made.config))
        workplace.study({"value": [1, 2]}, machines={"each": ["aws"]})
        workplace.run(*RECORDS_ONLY)
        assert records(workplace) == {"value=1": "done", "value=2": "done"}
        reservations = server.client().describe_instances()["Reservations"]
        assert len(reservations) == 2  # the list works: it shows what was created
        assert server.running() == []


def test_an_interrupted_spot_instance_is_replaced_and_its_experiment_starts_once_more(
    workplace: Workplace, folder: Path
) -> None:
    with ec2(folder) as (server, made):
        write_machine(workplace, provider=server.settings, ssh_config=str(made.config), instances=1)
        workplace.study({"value": 1, "seconds": 20}, machines={"each": ["aws"]})
        process = workplace.start(*RECORDS_ONLY)
        wait_until(workplace.experiments_started, "the experiment has begun")
        (instance,) = server.running()
        made.interrupt(instance["InstanceId"])
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
        assert list(records(workplace).values()) == ["done"]
        assert workplace.experiments_started().total() == 2
        assert server.running() == []
        assert f"aws: {instance['InstanceId']} is gone: the provider ended it" in output


def test_a_spot_instance_whose_server_outlives_its_experiment_is_waited_for(workplace: Workplace, folder: Path) -> None:
    """The end of the experiment arrives before it is known that the instance ends, too."""
    with ec2(folder) as (server, made):
        write_machine(workplace, provider=server.settings, ssh_config=str(made.config), instances=1)
        workplace.study({"value": 1, "seconds": 20}, machines={"each": ["aws"]})
        process = workplace.start(*RECORDS_ONLY)
        wait_until(workplace.experiments_started, "the experiment has begun")
        statuses = workplace.results / "sweep/experiments/aws"
        wait_until(lambda: list(statuses.glob("*/attempts/1/status.json")), "it is known to run")
        (status,) = statuses.glob("*/attempts/1/status.json")
        killed = clusters.processes_where(lambda path: (path / "cwd").readlink().is_relative_to(folder))
        clusters.kill_at_once(pid for pid in killed if b"sshd" not in Path(f"/proc/{pid}/cmdline").read_bytes())
        wait_until(lambda: json.loads(status.read_text())["state"] == "lost", "its end is known")
        assert process.poll() is None
        (instance,) = server.running()
        made.interrupt(instance["InstanceId"])
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
        assert list(records(workplace).values()) == ["done"]
        assert workplace.experiments_started().total() == 2


@pytest.mark.parametrize("how", ["Ctrl-C", "fairmesh cancel"])
def test_a_cancelled_run_leaves_no_instance(workplace: Workplace, instances: Instances, how: str) -> None:
    write_machine(workplace, provider=provider_settings(instances.folder), instances=1)
    workplace.study({"behaviour": "hang"}, machines={"each": ["aws"]})
    process = workplace.start(*RECORDS_ONLY)
    wait_until(workplace.experiments_started, "the experiment has begun")
    if how == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)
    else:
        workplace.fairmesh("cancel", "--all", "--study", "sweep")
    output, _ = process.communicate(timeout=120)
    assert process.returncode, output
    assert "aws: destroying vm-1: all its experiments have ended" in output
    assert [entry["id"] for entry in instances.list({})] == ["vm-1"]
    assert instances.alive() == []


def test_a_killed_client_comes_back_to_its_instance_and_starts_nothing_twice(
    workplace: Workplace, instances: Instances
) -> None:
    write_machine(workplace, provider=provider_settings(instances.folder), instances=1)
    workplace.study({"value": 1, "seconds": 10}, machines={"each": ["aws"]})
    process = workplace.start(*RECORDS_ONLY)
    wait_until(workplace.experiments_started, "the experiment has begun")
    kill(process)
    assert "value=1" in workplace.fairmesh("status", status=None)
    assert [entry["id"] for entry in instances.list({})] == ["vm-1"]
    assert instances.alive() == ["vm-1"]
    workplace.run(*RECORDS_ONLY)
    assert list(records(workplace).values()) == ["done"]
    assert workplace.experiments_started().total() == 1
    assert [entry["id"] for entry in instances.list({})] == ["vm-1"]
    assert instances.alive() == []
