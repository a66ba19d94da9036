"""A real Slurm for tests: what ``cluster.sh`` starts, and what can be done to it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import clusters
from tests.needs import must_have
from tests.waiting import wait_until

SCRIPT = Path(__file__).with_name("cluster.sh")
MISSING = "SLURM IS MISSING, and only root can install it: nothing was tried on a real cluster"


@dataclass(frozen=True)
class SlurmCluster(clusters.Cluster):
    """A running Slurm of virtual nodes n1, n2, ..."""

    nodes: int
    accounting: bool

    @property
    def variables(self) -> dict[str, str]:
        """The variables by which Slurm's programs find the cluster."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf")}

    def describe(self) -> str:
        """Return the line for the test report."""
        version = self.ask("sinfo", "--version").strip()
        return f"{version}, {self.nodes} nodes, accounting {'on' if self.accounting else 'off'}"

    def start(self, daemon: str) -> None:
        """Start a daemon that was killed: ``slurmctld``, or a node."""
        clusters.control(SCRIPT, self.folder, "start", daemon)

    def kill(self, daemon: str) -> None:
        """Kill a daemon; on a node its jobs live on."""
        clusters.control(SCRIPT, self.folder, "kill", daemon)

    def kill_node(self, node: str) -> None:
        """End a node as a loss of power does: its daemon and all that runs on it."""
        self.kill(node)
        clusters.kill_at_once(self.processes(node))

    def processes(self, node: str = "") -> list[int]:
        """Return the processes of jobs, and of what watches them, on a node or on all."""
        return clusters.processes_where(lambda process: self._is_on(process, node))

    def _is_on(self, process: Path, node: str) -> bool:
        if clusters.is_named(process, "slurmstepd"):
            log = f"{self.folder}/log/{node}"
            return any(str(link.readlink()).startswith(log) for link in (process / "fd").iterdir())
        is_ours = clusters.has_variable(process, f"SLURM_CONF={self.folder}/slurm.conf\0")
        return is_ours and clusters.has_variable(process, f"SLURMD_NODENAME={node}" + "\0" * bool(node))

    def wait_idle(self) -> None:
        """Wait until all nodes are up, and no job is left."""
        self.ask("scancel", "--me")
        for number in range(1, self.nodes + 1):
            if not (self.folder / f"run/n{number}.pid").exists():
                self.start(f"n{number}")
        self.ask("sh", "-c", "scontrol update nodename=ALL state=resume || true")  # drained by what a test did
        states = ("sinfo", "--noheader", "--Node", "--partition=main", "--format=%t")
        wait_until(lambda: self.ask(*states).split() == ["idle"] * self.nodes, "all nodes are idle")


@contextmanager
def cluster(nodes: int = 3, accounting: bool = False) -> Iterator[SlurmCluster]:
    """Start a cluster, and end it; where that is impossible, skip on a laptop and fail in continuous integration."""
    must_have(shutil.which("sinfo") or clusters.can_install(), MISSING)
    options = ["--accounting"] if accounting else []
    with clusters.start(SCRIPT, "--nodes", str(nodes), *options) as folder:
        yield SlurmCluster(folder, nodes, accounting)
