"""A real SGE for tests: what ``cluster.sh`` starts, and what can be done to it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tests.needs import must_have
from tests.waiting import wait_until

SCRIPT = Path(__file__).with_name("cluster.sh")
MISSING = "SGE IS MISSING, and only root can install it: nothing was tried on a real cluster"


@dataclass(frozen=True)
class SgeCluster:
    """A running SGE of one host and one queue."""

    folder: Path
    slots: int

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment in which SGE's programs speak to it, and not to a cluster that this computer belongs to."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("SGE_", "SLURM", "JOB_"))}
        port = int((self.folder / "ports").read_text())
        return kept | {
            "SGE_ROOT": f"{self.folder}/root",
            "SGE_CELL": "default",
            "SGE_QMASTER_PORT": str(port),
            "SGE_EXECD_PORT": str(port + 1),
            "PATH": f"{self.folder}/bin{os.pathsep}{kept['PATH']}",
        }

    def ask(self, *command: str, check: bool = True) -> str:
        """Run one of SGE's programs, and return its output."""
        done = subprocess.run(
            command, env=self.environment, check=False, capture_output=True, text=True, timeout=60, cwd=self.folder
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout

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
        return sum(name in {f"fm-{each}" for each in names} for name in jobs.values())

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
        with hanging(self.folder / "bin/qstat"):
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
        _script("start", daemon, "--dir", str(self.folder))

    def kill(self, daemon: str) -> None:
        """Kill a daemon; jobs live on."""
        _script("kill", daemon, "--dir", str(self.folder))

    def kill_host(self) -> None:
        """End the execution host as a loss of power does: its daemon, and everything that runs on it, at once."""
        self.kill("execd")
        processes = [*self._shepherds(), *self.processes()]
        for number in (signal.SIGSTOP, signal.SIGKILL):  # nobody sees another one end
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, number)

    def processes(self) -> list[int]:
        """Return the processes of jobs."""
        return _processes_with(f"SGE_JOB_SPOOL_DIR={self.folder}/")

    def _shepherds(self) -> list[int]:
        """Return the processes of the daemon that wait for jobs, and report their ends."""
        marked = _processes_with(f"FAIRMESH_TEST_CLUSTER={self.folder}\0")
        return [process for process in marked if Path(f"/proc/{process}/comm").read_text() == "sge_shepherd\n"]

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


@contextmanager
def hanging(program: Path) -> Iterator[None]:
    """Put a program into the path for a while that gives no answer."""
    old = program.with_suffix(".old")
    if program.exists():
        program.rename(old)
    program.write_text("#!/bin/sh\nexec sleep 1000\n")
    program.chmod(0o755)
    try:
        yield
    finally:
        program.unlink()
        if old.exists():
            old.rename(program)


def _processes_with(variable: str) -> list[int]:
    """Return the processes whose environment has text that begins with a variable."""
    mark = f"\0{variable}".encode()
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if mark in b"\0" + _environ(path)]


def _environ(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:
        return b""


def _is_running(pid_file: Path) -> bool:
    return Path("/proc", pid_file.read_text().strip()).exists()


def _script(*arguments: str) -> None:
    done = subprocess.run(["bash", str(SCRIPT), *arguments], check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


@contextmanager
def cluster(slots: int = 6) -> Iterator[SgeCluster]:
    """Start a cluster, and end it; where that is impossible, skip on a laptop and fail in continuous integration."""
    must_have(shutil.which("sge_qmaster", path="/usr/sbin") or _can_install(), MISSING)
    with tempfile.TemporaryDirectory(prefix="sge-") as place:
        folder = Path(place, "cluster")
        try:
            _script("up", "--slots", str(slots), "--dir", str(folder))
            yield SgeCluster(folder, slots)
        finally:
            _script("down", "--dir", str(folder))


def _can_install() -> bool:
    return os.geteuid() == 0 and bool(shutil.which("apt-get"))


def describe(found: SgeCluster) -> str:
    """Return the line for the test report."""
    version = found.ask("qstat", "-help").splitlines()[0]
    return f"{version}, one host, {found.slots} slots"
