"""Show, cancel and repeat experiments on a host of ssh, with and without a run."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairmesh.api.status_cache import StatusCache
from fairmesh.files import read_json
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner.text import last_lines
from fairmesh.schema import dump_yaml
from tests.e2e.workplace import RECORDS_ONLY, Workplace
from tests.sshd import SshServer, ssh_network
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.clusters]


@pytest.fixture
def gate(workplace: Workplace) -> Iterator[SshServer]:
    """Yield a host that is the machine ``gate``, beside this computer."""
    with ssh_network() as network:
        server = network.add("gate")
        setup = [f"export TOY_STARTS={workplace.folder}/starts"]
        entry = {"kind": "ssh", "host": "gate", "ssh_config": str(network.config), "slots": 2, "setup": setup}
        machines = dump_yaml({"local": {"kind": "local"}, "gate": entry})
        (workplace.folder / "config/machines.yaml").write_text(machines)
        yield server


def local_status(place: Workplace, name: str) -> dict[str, object]:
    path = place.results / f"sweep/experiments/gate/{name}/attempts/1/status.json"
    return dict(read_json(path)) if path.exists() else {}


def there(server: SshServer, name: str) -> Path:
    """Return the job folder on the host."""
    (folder,) = server.home.glob(f"fairmesh/*/sweep/experiments/gate/{name}")
    return folder


def test_an_experiment_of_a_living_run_is_cancelled_on_its_host(workplace: Workplace, gate: SshServer) -> None:
    workplace.study({"behaviour": "hang", "seed": [1, 2]}, machines={"each": ["gate"]})
    process = workplace.start(*RECORDS_ONLY)
    wait_until(
        lambda: local_status(workplace, "behaviour=hang+seed=1").get("state") == "running", "a running experiment"
    )
    log = there(gate, "behaviour=hang+seed=1") / "attempts/1/job.log"
    log.write_text("a line of the program\n")
    assert workplace.fairmesh("logs", "seed=1") == "a line of the program\n"
    workplace.fairmesh("cancel", "seed=1", "seed=2")
    output, _ = process.communicate(timeout=120)
    assert process.returncode, output
    assert local_status(workplace, "behaviour=hang+seed=1")["state"] == "cancelled"
    assert "cancelled by" in str(local_status(workplace, "behaviour=hang+seed=1")["reason"])


def test_commands_fetch_what_a_killed_run_has_left(workplace: Workplace, gate: SshServer) -> None:
    workplace.study({"seconds": 8, "seed": [1, 2]}, machines={"each": ["gate"]})
    process = workplace.start(*RECORDS_ONLY)
    wait_until(lambda: workplace.experiments_started().total() == 2, "both experiments have begun")
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    wait_until((there(gate, "seconds=8+seed=1") / "commit.json").exists, "its result on the host")
    wait_until((there(gate, "seconds=8+seed=2") / "commit.json").exists, "its result on the host")
    assert not list((workplace.results / "sweep").glob("records/gate/*"))
    output = workplace.fairmesh("status", "sweep")
    assert "2 done" in output
    assert (workplace.results / "sweep/records/gate/seconds=8+seed=1.json").exists()
    assert workplace.experiments_started().total() == 2


def test_an_experiment_of_a_killed_run_is_cancelled_and_repeated(workplace: Workplace, gate: SshServer) -> None:
    workplace.study({"behaviour": "hang"}, machines={"each": ["gate"]})
    process = workplace.start(*RECORDS_ONLY)
    wait_until(lambda: workplace.experiments_started().total() == 1, "the experiment has begun")
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    (folder,) = (workplace.results / "sweep/experiments/gate").iterdir()
    name = folder.name
    workplace.fairmesh("cancel", name)
    wait_until(
        lambda: workplace.fairmesh("status", "sweep") and local_status(workplace, name).get("state") == "cancelled",
        "the end of the experiment",
    )
    assert not list(folder.glob("remote.json"))
    assert "was cancelled" in workplace.fairmesh("retry", "--dry-run")


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_log_on_a_host_is_followed_to_its_end(workplace: Workplace, gate: SshServer, is_killed: bool) -> None:
    workplace.study({"behaviour": "exit", "seconds": 20 if is_killed else 8}, machines={"each": ["gate"]})
    process = workplace.start(*RECORDS_ONLY)
    wait_until(lambda: workplace.experiments_started().total() == 1, "the experiment has begun")
    if is_killed:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=60)
    (folder,) = (workplace.results / "sweep/experiments/gate").iterdir()
    output = workplace.fairmesh("logs", folder.name, "--follow")
    assert "toy: something went wrong" in output
    assert output.splitlines() == last_lines(folder / "attempts/1/job.log")
    assert local_status(workplace, folder.name)["state"] == "failed"


def test_the_service_and_the_monitor_fetch_what_a_killed_run_has_left(workplace: Workplace, gate: SshServer) -> None:
    workplace.study({"seconds": 8}, machines={"each": ["gate"]})
    process = workplace.start(*RECORDS_ONLY)
    wait_until(lambda: workplace.experiments_started().total() == 1, "the experiment has begun")
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=60)
    (folder,) = (workplace.results / "sweep/experiments/gate").iterdir()
    wait_until((there(gate, folder.name) / "commit.json").exists, "its result on the host")
    cache = StatusCache(StudyPaths(workplace.results, "sweep"))
    wait_until(lambda: cache.status().counts["done"] == 1, "its result here")
    assert (workplace.results / f"sweep/records/gate/{folder.name}.json").exists()
