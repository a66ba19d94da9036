"""A real Slurm for tests: what ``cluster.sh`` starts, and what can be done to it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.needs import must_have
from tests.waiting import wait_until

SCRIPT = Path(__file__).with_name("cluster.sh")
MISSING = "SLURM IS MISSING, and only root can install it: nothing was tried on a real cluster"


@dataclass(frozen=True)
class Cluster:
    """A running cluster of virtual nodes n1, n2, ..."""

    folder: Path
    nodes: int
    accounting: bool

    @property
    def environment(self) -> dict[str, str]:
        """What makes Slurm's programs speak to it, and not to a cluster that this computer belongs to."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM", "SBATCH", "SQUEUE"))}
        path = f"{self.folder}/bin{os.pathsep}{kept['PATH']}"
        return kept | {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}

    def ask(self, *command: str) -> str:
        """Run one of Slurm's programs, and give what it says."""
        done = subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True, timeout=60, cwd=self.folder
        )
        return done.stdout

    def start(self, daemon: str) -> None:
        """Start a daemon that was killed: ``slurmctld``, or a node."""
        _script("start", daemon, "--dir", str(self.folder))

    def kill(self, daemon: str) -> None:
        """Kill a daemon; on a node its jobs live on."""
        _script("kill", daemon, "--dir", str(self.folder))

    def kill_node(self, node: str) -> None:
        """End a node as a loss of power does: its daemon and all that runs on it."""
        self.kill(node)
        for process in self.processes(node):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def processes(self, node: str = "") -> list[int]:
        """Return the processes of jobs, and of what watches them, on a node or on all."""
        return [int(path.name) for path in Path("/proc").glob("[0-9]*") if self._is_on(path, node)]

    def _is_on(self, process: Path, node: str) -> bool:
        try:
            if (process / "comm").read_text() == "slurmstepd\n":
                log = f"{self.folder}/log/{node}"
                return any(str(link.readlink()).startswith(log) for link in (process / "fd").iterdir())
            lines = (process / "environ").read_text(errors="replace").split("\0")
        except OSError:
            return False
        values = dict(line.partition("=")[::2] for line in lines)
        is_ours = values.get("SLURM_CONF") == f"{self.folder}/slurm.conf"
        return is_ours and "SLURMD_NODENAME" in values and node in {"", values["SLURMD_NODENAME"]}

    def wait_idle(self) -> None:
        """Wait until all nodes are up, and no job is left."""
        self.ask("scancel", "--me")
        for number in range(1, self.nodes + 1):
            if not (self.folder / f"run/n{number}.pid").exists():
                self.start(f"n{number}")
        self.ask("sh", "-c", "scontrol update nodename=ALL state=resume || true")  # drained by what a test did
        states = ("sinfo", "--noheader", "--Node", "--partition=main", "--format=%t")
        wait_until(lambda: self.ask(*states).split() == ["idle"] * self.nodes, "all nodes are idle")


def _script(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(["bash", str(SCRIPT), *arguments], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done


@contextmanager
def cluster(nodes: int = 3, accounting: bool = False) -> Iterator[Cluster]:
    """Start a cluster, and end it; where that is impossible, skip on a laptop and fail in continuous integration."""
    must_have(shutil.which("sinfo") or (os.geteuid() == 0 and shutil.which("apt-get")), MISSING)
    with tempfile.TemporaryDirectory(prefix="slurm-") as place:
        folder = Path(place, "cluster")
        try:
            options = ["--accounting"] if accounting else []
            _script("up", "--nodes", str(nodes), "--dir", str(folder), *options)
            yield Cluster(folder, nodes, accounting)
        finally:
            _script("down", "--dir", str(folder))


def described(found: Cluster) -> str:
    """Return the line for the test report."""
    version = found.ask("sinfo", "--version").strip()
    return f"{version}, {found.nodes} nodes, accounting {'on' if found.accounting else 'off'}"
