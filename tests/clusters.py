"""What the clusters of the tests share: real ones of Slurm and SGE, and stand-ins for LSF's programs."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

FOREIGN = ("SLURM", "SBATCH", "SQUEUE", "SGE_", "JOB_", "LSB_")  # variables of a cluster that this computer belongs to


@dataclass(frozen=True)
class Cluster:
    """A running cluster, in a folder of its own."""

    folder: Path

    @property
    def variables(self) -> dict[str, str]:
        """The variables by which a scheduler's programs find the cluster."""
        raise NotImplementedError

    @cached_property
    def environment(self) -> dict[str, str]:
        """The environment in which a scheduler's programs speak to this cluster, and to no other."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
        return kept | {"PATH": f"{self.folder}/bin{os.pathsep}{kept['PATH']}"} | self.variables

    def ask(self, *command: str, check: bool = True) -> str:
        """Run one of the scheduler's programs, and return its output."""
        done = subprocess.run(
            command, env=self.environment, check=False, capture_output=True, text=True, timeout=60, cwd=self.folder
        )
        assert done.returncode == 0 or not check, done.stdout + done.stderr
        return done.stdout

    def describe(self) -> str:
        """Return the line for the test report."""
        raise NotImplementedError

    def wait_idle(self) -> None:
        """Wait until everything is up, and no job is left."""
        raise NotImplementedError

    def processes(self) -> list[int]:
        """Return the processes of jobs."""
        raise NotImplementedError


@contextmanager
def start(script: Path, *options: str) -> Iterator[Path]:
    """Start a cluster with a ``cluster.sh``, and end it; its folder is yielded."""
    with tempfile.TemporaryDirectory(prefix=f"{script.parent.name}-") as place:
        folder = Path(place, "cluster")
        try:
            control(script, folder, "up", *options)
            yield folder
        finally:
            control(script, folder, "down")


def control(script: Path, folder: Path, *arguments: str) -> None:
    """Call a ``cluster.sh`` for the cluster in a folder."""
    command = ["bash", str(script), *arguments, "--dir", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def can_install() -> bool:
    """Whether ``cluster.sh`` can install a scheduler."""
    return os.geteuid() == 0 and any(Path(folder, "apt-get").exists() for folder in os.get_exec_path())


def processes_where(predicate: Callable[[Path], bool]) -> list[int]:
    """Return the processes whose folders in ``/proc`` fulfill a condition; those that have ended do not."""
    numbers = []
    for path in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if predicate(path):
                numbers.append(int(path.name))
    return numbers


def has_variable(process: Path, prefix: str) -> bool:
    """Return whether the environment of a process has a variable that begins with a text."""
    return f"\0{prefix}".encode() in b"\0" + (process / "environ").read_bytes()


def is_named(process: Path, name: str) -> bool:
    """Return whether a process has a name."""
    return (process / "comm").read_text() == f"{name}\n"


def kill_at_once(processes: Iterable[int]) -> None:
    """Kill processes as a loss of power does: none of them sees another one end."""
    processes = list(processes)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, number)


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
