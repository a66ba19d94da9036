"""A real SGE for tests: what ``cluster.sh`` starts, and what can be done to it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import clusters
from tests.needs import must_have
from tests.waiting import wait_until

SCRIPT = Path(__file__).with_name("cluster.sh")
MISSING = "SGE IS MISSING, and only root can install it: nothing was tried on a real cluster"


@dataclass(frozen=True)
class SgeCluster(clusters.Cluster):
    """A running SGE of one host and one queue."""

    slots: int

    @property
    def variables(self) -> dict[str, str]:
        """The variables by which SGE's programs find the cluster."""
        port = int((self.folder / "ports").read_text())
        return {
            "SGE_ROOT": f"{self.folder}/root",
            "SGE_CELL": "default",
            "SGE_QMASTER_PORT": str(port),
            "SGE_EXECD_PORT": str(port + 1),
        }

    def describe(self) -> str:
        """Return the line for the test report."""
        version = self.ask("qstat", "-help").splitlines()[0]
        return f"{version}, one host, {self.slots} slots"

    def states(self) -> dict[str, str]:
        """Return the state of each job in the queue by number, in SGE's letters."""
        lines = self.ask("qstat", "-u", "*").splitlines()[2:]
        return {fields[0]: fields[4] for fields in map(str.split, lines)}

    def submitted(self, names: Iterable[str]) -> int:
        """Count the jobs with some names that were submitted, those that have ended too."""
        accounting = self.folder / "root/default/common/accounting"
        lines = accounting.read_text().splitlines() if accounting.exists() else []
        records = [line.split(":") for line in lines if not line.startswith("#")]
        jobs = {record[5]: record[4] for record in records}
        listing = self.ask("qstat", "-r", "-u", "*")
        jobs.update(re.findall(r"^ *(\d+) .*\n +Full jobname: +(\S+)", listing, re.MULTILINE))
        return sum(job in {f"fm-{name}" for name in names} for job in jobs.values())

    def delete(self, job: str) -> None:
        """Delete a job, as a person does."""
        self.ask("qdel", job)

    def requeue(self, job: str) -> None:
        """Put a running job back into the queue."""
        self.ask("qmod", "-rj", job)

    @contextmanager
    def closed(self) -> Iterator[None]:
        """Start no further job for a while."""
        self.ask("qmod", "-d", "all.q")
        try:
            yield
        finally:
            self.ask("qmod", "-e", "all.q")

    @contextmanager
    def limited(self, jobs: int) -> Iterator[None]:
        """Limit the jobs of a user for a while, those that run too."""
        self._configure("max_u_jobs", str(jobs))
        try:
            yield
        finally:
            self._configure("max_u_jobs", "0")

    def _configure(self, name: str, value: str) -> None:
        file = self.folder / "global"
        file.write_text(re.sub(rf"(?m)^{name} .*", f"{name} {value}", self.ask("qconf", "-sconf")))
        self.ask("qconf", "-Mconf", str(file))

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Replace the program that shows jobs by one that hangs, for a while."""
        with clusters.hanging(self.folder / "bin/qstat"):
            yield

    @contextmanager
    def prolog(self, command: str) -> Iterator[None]:
        """Run a command before each job for a while; its exit status decides what becomes of the job."""
        self.ask("qconf", "-mattr", "queue", "prolog", command, "all.q")
        try:
            yield
        finally:
            self.ask("qconf", "-mattr", "queue", "prolog", "NONE", "all.q")

    def start(self, daemon: str) -> None:
        """Start a daemon that was killed: ``qmaster`` or ``execd``."""
        clusters.control(SCRIPT, self.folder, "start", daemon)

    def kill(self, daemon: str) -> None:
        """Kill a daemon; jobs live on."""
        clusters.control(SCRIPT, self.folder, "kill", daemon)

    def kill_host(self) -> None:
        """End the execution host as a loss of power does: its daemon, and everything that runs on it."""
        self.kill("execd")
        clusters.kill_at_once([*clusters.processes_where(self._is_shepherd), *self.processes()])

    def processes(self) -> list[int]:
        """Return the processes of jobs."""
        mark = f"SGE_JOB_SPOOL_DIR={self.folder}/"
        return clusters.processes_where(lambda process: clusters.has_variable(process, mark))

    def _is_shepherd(self, process: Path) -> bool:
        """Return whether a process waits for a job of this cluster, and reports its end to the daemon."""
        mark = f"FAIRMESH_TEST_CLUSTER={self.folder}\0"
        return clusters.is_named(process, "sge_shepherd") and clusters.has_variable(process, mark)

    def wait_idle(self) -> None:
        """Wait until the daemons run, the queue is open, and no job is left."""
        for daemon, file in (("qmaster", "qmaster"), ("execd", "execd/*")):
            if not any(map(_is_running, self.folder.glob(f"spool/{file}/{daemon}.pid"))):
                self.start(daemon)
        self.ask("qdel", "-f", "-u", "*", check=False)
        for action in ("-cq", "-e", "-us"):
            self.ask("qmod", action, "all.q", check=False)
        is_open = re.compile(rf"all\.q@localhost +BIP +0/0/{self.slots} +[\d.]+ +\S+ *\n?$").search
        wait_until(lambda: not self.states() and is_open(self.ask("qstat", "-f", "-q", "all.q")), "the queue is idle")


def _is_running(pid_file: Path) -> bool:
    return Path("/proc", pid_file.read_text().strip()).exists()


@contextmanager
def cluster(slots: int = 6) -> Iterator[SgeCluster]:
    """Start a cluster, and end it; where that is impossible, skip on a laptop and fail in continuous integration."""
    must_have(shutil.which("sge_qmaster", path="/usr/sbin") or clusters.can_install(), MISSING)
    with clusters.start(SCRIPT, "--slots", str(slots)) as folder:
        yield SgeCluster(folder, slots)
