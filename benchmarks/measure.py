"""Measure whole processes from outside: CPU seconds first, for machines that are shared with others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """What a process and its children used.

    Parameters
    ----------
    cpu_s : float
        User and system time in seconds.
    peak_bytes : int
        The largest resident set of a single process.
    """

    cpu_s: float
    peak_bytes: int


def measure(command: Sequence[str], folder: Path, runs: int = 3) -> Measured:
    """Run a command several times, and give the run that used the least: others on the machine only add to it.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails.
    """
    return min((_once(command, folder) for _ in range(runs)), key=lambda each: each.cpu_s)


def _once(command: Sequence[str], folder: Path) -> Measured:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    log = folder / "output.log"
    with log.open("w") as output:
        process = subprocess.Popen(list(command), cwd=folder, env=environment, stdout=output, stderr=output)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        print(log.read_text()[-2000:], file=sys.stderr)
        raise subprocess.CalledProcessError(process.returncode, command)
    unit = 1 if sys.platform == "darwin" else 1024
    return Measured(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


class Report:
    """A table of what was measured, printed line by line; each line says whether its goal was met."""

    def __init__(self) -> None:
        self.missed = 0

    def line(self, what: str, value: float, goal: float, unit: str) -> None:
        """Print one line; a goal is an upper bound."""
        met = value <= goal
        self.missed += not met
        print(f"{'ok  ' if met else 'MISS'}  {value:9.3f} {unit:<6} (at most {goal:g})  {what}", flush=True)
