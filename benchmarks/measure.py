"""Measure whole processes in CPU seconds, which depend little on other load on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """The resources used by a process and its children.

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
    """Run a command several times and return the run with the least CPU time.

    Raises
    ------
    subprocess.CalledProcessError
        If the command fails.
    """
    return min((_once(command, folder) for _ in range(runs)), key=lambda measured: measured.cpu_s)


def _once(command: Sequence[str], folder: Path) -> Measured:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(list(command), cwd=folder, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read() if process.returncode else ""
    if process.returncode:
        print(text[-2000:], file=sys.stderr)
        raise subprocess.CalledProcessError(process.returncode, command)
    unit = 1 if sys.platform == "darwin" else 1024
    return Measured(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit)


class Report:
    """A table of measurements, printed line by line with its goals."""

    def __init__(self) -> None:
        self.missed = 0

    def line(self, what: str, value: float, goal: float, unit: str, *, least: bool = False) -> None:
        """Print one line; the goal is an upper bound or, with `least`, a lower bound."""
        met = value >= goal if least else value <= goal
        self.missed += not met
        bound = "at least" if least else "at most"
        print(f"{'ok  ' if met else 'MISS'}  {value:9.3f} {unit:<6} ({bound} {goal:g})  {what}", flush=True)
