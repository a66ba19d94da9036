"""One study over this computer, hosts of ssh, clusters behind ssh and rented instances; its client is killed twice.

Stand-ins: all machines are this computer. Each host is a real sshd on loopback with a home of its own, Slurm and SGE
are real, and EC2 is moto's server, whose instances are real sshd servers.
"""

from __future__ import annotations

import csv
import os
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fairmesh.schema import dump_yaml
from tests.browsing import collect_faults, open_browser, served, wait_for_charts
from tests.clusters import Cluster
from tests.e2e.workplace import Workplace
from tests.ec2 import Ec2Instances, Ec2Server, ec2_server
from tests.sge.cluster import SgeCluster
from tests.slurm.cluster import SlurmCluster
from tests.sshd import SshNetwork, ssh_network
from tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.clusters]

MACHINES = {
    "local": "this computer",
    "gate": "ssh host",
    "inner": "ssh host behind the jump host gate",
    "hpc": "Slurm behind ssh",
    "grid": "SGE behind ssh",
    "aws": "two rented instances",
}
REMOTE = tuple(MACHINES)[1:]
POINTS = {f"value={value}+repeat={repeat}" for value in (1, 2) for repeat in (1, 2)}
ALL = {(machine, point) for machine in MACHINES for point in POINTS}
PATIENCE = 180.0  # seconds


@pytest.fixture
def network() -> Iterator[SshNetwork]:
    with ssh_network() as network:
        yield network


@pytest.fixture
def ec2(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[tuple[Ec2Server, Ec2Instances]]:
    """Yield a provider and its instances, which end with the test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with tempfile.TemporaryDirectory(prefix="rent-") as folder, ec2_server() as server:
        instances = Ec2Instances(server, Path(folder))
        try:
            yield server, instances
        finally:
            instances.close()


def login(network: SshNetwork, name: str, cluster: Cluster) -> None:
    """Start the login node of a cluster, whose programs are in the path of the login shell alone."""
    variables = {**cluster.variables, "PATH": f"{cluster.folder}/bin:$PATH"}
    lines = "".join(f'export {name}="{value}"\n' for name, value in variables.items())
    network.add(name, jump="gate").write_profile(lines)


@pytest.fixture
def place(
    workplace: Workplace,
    network: SshNetwork,
    slurm: SlurmCluster,
    sge: SgeCluster,
    ec2: tuple[Ec2Server, Ec2Instances],
) -> Workplace:
    """Return a working folder with a study over all machines, on each of which starts are counted in a file."""
    network.add("gate")
    network.add("inner", jump="gate")
    login(network, "slurm-login", slurm)
    login(network, "sge-login", sge)
    server, instances = ec2
    ssh = {"kind": "ssh", "ssh_config": str(network.config), "slots": 2}
    rented = {"kind": "cloud", "ssh_config": str(instances.config), "user": "root", "price": 0.1}
    entries: dict[str, dict[str, Any]] = {
        "local": {"kind": "local"},
        "gate": {**ssh, "host": "gate"},
        "inner": {**ssh, "host": "inner"},
        "hpc": {**ssh, "host": "slurm-login", "scheduler": "slurm", "resources": {"slurm_partition": "main"}},
        "grid": {**ssh, "host": "sge-login", "scheduler": "sge"},
        "aws": {**rented, "provider": server.settings, "instances": 2},
    }
    for name, entry in entries.items():
        entry["setup"] = [f"export TOY_STARTS={counter(workplace, name)}"]
    (workplace.folder / "config/machines.yaml").write_text(dump_yaml(entries))
    workplace.edit("toy/application.yaml", "default: 0, minimum", "default: 3, minimum")
    workplace.study({"value": [1, 2]}, repeat=2, machines={"each": list(MACHINES)}, title="Six kinds of machines")
    return workplace


def counter(place: Workplace, machine: str) -> Path:
    """Return the file to which the program itself adds a line at each start on a machine."""
    return place.folder / f"starts-{machine}"


def starts(place: Workplace) -> Counter[tuple[str, str]]:
    """Count the starts of experiments by machine and id."""
    paths = {machine: counter(place, machine) for machine in MACHINES}
    lines = {machine: path.read_text().splitlines() for machine, path in paths.items() if path.exists()}
    pairs = ((machine, line.split()[0]) for machine, those in lines.items() for line in those)
    return Counter((machine, job) for machine, job in pairs if "=" in job)


def records(place: Workplace) -> set[tuple[str, str]]:
    """Return machine and id of all records."""
    return {(path.parent.name, path.stem) for path in (place.results / "sweep/records").glob("*/*.json")}


def has_begun_over_ssh(place: Workplace) -> bool:
    """Return whether experiments run on each host and cluster, and none on this computer: they would end as well."""
    begun = {machine for machine, _ in starts(place)}
    return {"gate", "inner", "hpc", "grid"} <= begun and {("local", point) for point in POINTS} <= records(place)


def has_begun_on_instances(place: Workplace) -> bool:
    """Return whether two experiments run on rented instances."""
    return sum(machine == "aws" for machine, _ in starts(place)) >= 2


def run_until(place: Workplace, condition: Callable[[Workplace], bool]) -> None:
    """Run the study until something is so; then kill the client with all processes of its group."""
    process = place.start()
    wait_until(lambda: condition(place) or process.poll() is not None, str(condition.__doc__), PATIENCE)
    assert process.poll() is None, process.communicate()
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def table(place: Workplace) -> list[dict[str, str]]:
    with (place.results / "sweep/results.csv").open() as file:
        return list(csv.DictReader(file))


def rows_of(rows: list[Mapping[str, object]]) -> str:
    """Return a table as text."""
    cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    padded = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in cells]
    return "\n".join(line.rstrip() for line in padded)


def test_every_experiment_starts_once_on_machines_of_all_kinds_although_the_client_is_killed_twice(
    place: Workplace, ec2: tuple[Ec2Server, Ec2Instances]
) -> None:
    server, _ = ec2
    begun = time.monotonic()
    kills: list[Mapping[str, object]] = []
    for condition in (has_begun_over_ssh, has_begun_on_instances):
        run_until(place, condition)
        seconds, known = f"{time.monotonic() - begun:.0f} s", len(records(place))
        kills.append({"killed after": seconds, "started": len(starts(place)), "with a result": known})
        assert known < len(ALL)
    running = {instance["InstanceId"] for instance in server.running()}
    assert len(running) == 2
    status = place.fairmesh("status", "sweep")
    assert all(f"\n{machine} " in status for machine in REMOTE)

    output = place.run()

    rows = table(place)
    print(f"\nOne study on {', '.join(f'{name} ({kind})' for name, kind in MACHINES.items())}\n\n{rows_of(kills)}\n")
    shown = ({key: row[key] for key in ("machine", "id", "state", "score", "seconds", "node")} for row in rows)
    print(rows_of([{**row, "starts": starts(place)[row["machine"], row["id"]]} for row in shown]))
    print(f"\n{output}\n{time.monotonic() - begun:.0f} s in all")
    assert starts(place) == Counter(ALL)
    assert Counter((row["machine"], row["id"]) for row in rows) == Counter(ALL)
    assert {row["state"] for row in rows} == {"done"}
    check_provider(place, ec2, running)
    check_pages(place)


def check_provider(place: Workplace, ec2: tuple[Ec2Server, Ec2Instances], were_running: set[str]) -> None:
    """Check that the provider's list is empty, that it shows what was there, and that each instance was used."""
    server, instances = ec2
    pages = server.client().describe_instances()["Reservations"]
    states = {instance["InstanceId"]: instance["State"]["Name"] for page in pages for instance in page["Instances"]}
    assert states == dict.fromkeys(were_running, "terminated")
    assert server.running() == []
    assert "no instance in the list; it has shown earlier ones" in place.fairmesh("machines", "check", "aws")
    used = [list(instances.home(name).glob("fairmesh/*/sweep/experiments/aws/*")) for name in were_running]
    assert sum(map(len, used)) == len(POINTS)
    assert all(used)


def check_pages(place: Workplace) -> None:
    """Check the table and the page that compares the machines, in a browser."""
    with open_browser() as browser, served(place.folder / "site/public") as address:
        page = browser.new_page()
        wrong = collect_faults(page, address)
        page.goto(f"{address}/studies/sweep/index.html")
        assert wait_for_charts(page)
        leaderboard = page.locator("table").first.inner_text()
        page.get_by_role("link", name="Machines compared").first.click()
        assert wait_for_charts(page) == 1
        text = page.locator("article").inner_text()
        assert wrong == []
    for machine in REMOTE:
        assert machine in leaderboard
        assert f"{machine}: Score not distinguishable (n = 4, rough)" in text
        assert f"{machine} compared with local" in text
