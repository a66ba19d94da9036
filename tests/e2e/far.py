"""Machines for end-to-end tests that are reached over ssh: plain hosts, hosts behind another one, real schedulers."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairmesh.files import read_json
from fairmesh.schema import dump_yaml
from tests.clusters import Cluster
from tests.e2e.workplace import Workplace
from tests.needs import note_component
from tests.slurm.cluster import SlurmCluster
from tests.sshd import SshNetwork, SshServer


@dataclass
class Far:
    """A working folder, and the machines that its study runs on.

    Each machine counts the starts of the program in a file of its own.
    """

    place: Workplace
    network: SshNetwork
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of the machines."""
        return list(self.entries)

    def add(
        self, name: str, *, server: Mapping[str, Any] | None = None, cluster: Cluster | None = None, **keys: Any
    ) -> SshServer:
        """Start a host, and write it into machines.yaml.

        Parameters
        ----------
        name : str
            The name of the machine, and of its host.
        server : mapping, optional
            Arguments for ``SshNetwork.add``.
        cluster : Cluster, optional
            The cluster that it is a login node of.
        **keys
            Further settings of the machine.
        """
        host = self.network.add(name, **(server or {}))
        if cluster is not None:
            keys |= _scheduler(host, cluster)
        self.write(name, **keys)
        return host

    def write(self, name: str, **keys: Any) -> None:
        """Write a machine into machines.yaml."""
        setup = [f"export TOY_STARTS={self.place.folder}/starts-{name}"]
        entry = {"kind": "ssh", "host": name, "ssh_config": str(self.network.config), "slots": 4, "setup": setup}
        self.entries[name] = entry | keys
        (self.place.folder / "config/machines.yaml").write_text(dump_yaml({"local": {"kind": "local"}, **self.entries}))

    def study(self, parameters: dict[str, Any], **keys: Any) -> None:
        """Write the study file: each experiment on each machine."""
        self.place.study(parameters, **{"machines": {"each": self.names}} | keys)

    def started(self) -> Counter[tuple[str, str]]:
        """Count the starts of experiments, by machine and id."""
        counts: Counter[tuple[str, str]] = Counter()
        for name in self.names:
            path = self.place.folder / f"starts-{name}"
            lines = path.read_text().splitlines() if path.exists() else []
            counts.update((name, line.split()[0]) for line in lines)
        return counts

    def records(self) -> dict[tuple[str, str], str]:
        """Return the state in each record, by machine and id."""
        paths = self.place.results.glob("sweep/records/*/*.json")
        return {(path.parent.name, path.stem): read_json(path)["state"] for path in sorted(paths)}

    def status(self, machine: str, identity: str) -> dict[str, Any]:
        """Return the last status of an experiment as it is known here."""
        folder = self.place.results / "sweep/experiments" / machine / identity / "attempts"
        paths = sorted(folder.glob("*/status.json"), key=lambda path: int(path.parent.name))
        status: dict[str, Any] = read_json(paths[-1]) if paths else {}
        return status

    def state(self, machine: str) -> dict[str, Any]:
        """Return the state of a machine as readers see it."""
        path = self.place.results / f"sweep/machines/{machine}.json"
        state: dict[str, Any] = read_json(path) if path.exists() else {}
        return state

    def check(self, points: Collection[str], starts: int = 1) -> None:
        """Check that each experiment has its result from each machine, and was started so often."""
        wanted = {(machine, point) for machine in self.names for point in points}
        assert self.records() == dict.fromkeys(wanted, "done")
        assert self.started() == dict.fromkeys(wanted, starts)
        self.place.fairmesh("status", "sweep")  # tidies up after a client that was killed at its end
        leftovers = list(self.place.results.rglob("remote.json"))
        assert not leftovers
        assert not self.place.half_written()


def _scheduler(host: SshServer, cluster: Cluster) -> dict[str, Any]:
    """Write what login shells need to find a cluster; return the settings of the machine."""
    note_component(f"{cluster.describe()} behind ssh")
    variables = {**cluster.variables, "PATH": f"{cluster.folder}/bin:$PATH"}
    host.write_profile("".join(f'export {name}="{value}"\n' for name, value in variables.items()))
    if isinstance(cluster, SlurmCluster):
        return {"scheduler": "slurm", "resources": {"slurm_partition": "main"}}
    return {"scheduler": "sge"}


def programs(server: SshServer) -> list[int]:
    """Return the processes of the toy application on a host."""
    return [pid for pid in server.jobs() if _command(pid)[1:2] == ["-IS"] and _command(pid)[2].endswith("/toy.py")]


def runners(server: SshServer) -> list[int]:
    """Return the processes of the runner on a host."""
    return [pid for pid in server.jobs() if any(word.endswith("runner.pyz") for word in _command(pid)[1:])]


def kill_all(processes: Iterable[int]) -> None:
    """Kill processes."""
    for pid in processes:
        os.kill(pid, signal.SIGKILL)


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:
        return []
