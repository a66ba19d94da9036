"""What an attempt used, sampled once a second and written in batches: telemetry.csv in long form."""

import os
import time
from typing import Any, Dict, List, Tuple

from . import processes
from .energy import Energy, EnergyMeter
from .gpu import Gpus
from .jsonfiles import now
from .program import Program
from .regular import append

INTERVAL = 1.0  # seconds between two samples
BATCH = 15.0  # seconds between two writes
HEAD = b"time,device,metric,value,unit\n"

Row = Tuple[str, str, float, str]


class Telemetry:
    """The telemetry of one program."""

    def __init__(self, path: str, exclusive: bool) -> None:
        self.path = path
        self._gpus = Gpus()
        self._meter = EnergyMeter(self._gpus, exclusive)
        self._lines: List[str] = []
        self._last = processes.Sample(0.0, 0, 0, 0)
        self._peak = 0
        self._sampled = self._written = time.monotonic()

    @property
    def resident_bytes(self) -> int:
        """The memory that the program held at the last sample."""
        return self._last.resident_bytes

    def due_in(self) -> float:
        """Return the seconds until the next sample."""
        return max(0.0, self._sampled + INTERVAL - time.monotonic())

    def take(self, pid: int, last: bool = False) -> None:
        """Take a sample if its time has come, or if it is the last: an ended program still tells until it is reaped."""
        if self.due_in() > 0 and not last:
            return
        elapsed, self._sampled = max(0.001, time.monotonic() - self._sampled), time.monotonic()
        sample = processes.sample(pid)
        self._meter.sample()
        rows = self._program_rows(sample, elapsed) + _host_rows() + self._gpu_rows()
        stamp = now()
        self._lines += ["{},{},{},{},{}\n".format(stamp, *row) for row in rows]
        self._last, self._peak = sample, max(self._peak, sample.resident_bytes)
        if time.monotonic() - self._written > BATCH:
            self.flush()

    def _program_rows(self, sample: processes.Sample, elapsed: float) -> List[Row]:
        cpu = 100 * max(0.0, sample.cpu_s - self._last.cpu_s) / elapsed
        rows: List[Row] = [
            ("program", "cpu", round(cpu, 1), "%"),
            ("program", "read", sample.read_bytes, "byte"),
            ("program", "write", sample.write_bytes, "byte"),
        ]
        if sample.resident_bytes:  # a program that has just ended tells its time and I/O, but holds nothing
            rows.append(("program", "memory", sample.resident_bytes, "byte"))
        return rows

    def _gpu_rows(self) -> List[Row]:
        units = {"utilisation": "%", "memory": "byte", "power": "W"}
        return [
            (f"gpu{gpu.number}", metric, value, units[metric])
            for gpu in self._gpus.all
            for metric, value in self._gpus.sample(gpu).items()
        ]

    def flush(self) -> None:
        """Write what has gathered."""
        append(self.path, "".join(self._lines).encode(), HEAD)
        self._lines, self._written = [], time.monotonic()

    def usage(self, program: Program) -> Dict[str, Any]:
        """Return the totals of an ended program, with the keys of the record's ``usage``."""
        energy: Energy = self._meter.read()
        return {
            "cpu_s": round(max(program.usage.cpu_s, self._last.cpu_s), 3),
            "peak_bytes": max(program.usage.peak_bytes, self._peak),
            "read_bytes": self._last.read_bytes,
            "write_bytes": self._last.write_bytes,
            "energy_j": energy.joules,
            "energy_method": energy.method,
        }


def _host_rows() -> List[Row]:
    rows: List[Row] = [("host", "pressure_" + name, share, "%") for name, share in processes.pressure().items()]
    return [("host", "load", round(os.getloadavg()[0], 2), "1"), *rows]
