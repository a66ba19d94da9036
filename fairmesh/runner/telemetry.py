"""Sample the usage of an attempt once a second, and write telemetry.csv in batches, in long form.

Energy comes from counters of the hardware (RAPL, NVML); without them none is reported.
"""

import glob
import os
import time
from time import monotonic
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import processes
from .gpu import Gpus
from .jsonfiles import now
from .program import Program
from .safefiles import append

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
        """The memory of the program at the last sample."""
        return self._last.resident_bytes

    def due_in(self) -> float:
        """Return the seconds until the next sample."""
        return max(0.0, self._sampled + INTERVAL - time.monotonic())

    def take(self, program: Program, last: bool = False) -> None:
        """Take a sample if one is due or it is the last; an ended program can be sampled until it is reaped."""
        if self.due_in() > 0 and not last:
            return
        elapsed, self._sampled = max(0.001, time.monotonic() - self._sampled), time.monotonic()
        sample = processes.sample(*program.roots())
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
        if sample.resident_bytes:  # an ended program has time and I/O, but no memory
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
        """Write the collected samples."""
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


RAPL = "/sys/class/powercap/intel-rapl:*"
MOST_WATTS = 2000.0  # above the power of a processor package or GPU; a counter that grows faster was reset


class Energy(NamedTuple):
    """Joules, and how they were determined: measured, shared, estimated or unavailable."""

    joules: Optional[float]
    method: str


class EnergyMeter:
    """Joules since the meter was created, added up from reading to reading, since RAPL counters wrap within minutes.

    Processor packages come from RAPL (Linux powercap), GPUs from NVML. ``shared`` means that the counters include
    other programs of the host, because the machine was not used exclusively. ``estimated`` means that a counter could
    not be read all the time; the joules are then a lower bound.

    Parameters
    ----------
    gpus : Gpus
        The GPUs that the job may use.
    exclusive : bool
        Whether the job uses the machine exclusively.
    """

    def __init__(self, gpus: Gpus, exclusive: bool) -> None:
        self._gpus, self._exclusive = gpus, exclusive
        self._ranges = _ranges()
        self._counters = {name: _Counter(joules, self._ranges.get(name)) for name, joules in self._read().items()}

    def _read(self) -> Dict[str, float]:
        """Return the joules that each counter shows."""
        shown = {folder: _joules(folder, "energy_uj") for folder in self._ranges}
        shown.update((f"gpu{gpu.number}", self._gpus.energy(gpu)) for gpu in self._gpus.all)
        return {name: joules for name, joules in shown.items() if joules is not None}

    def sample(self) -> None:
        """Add the growth of the counters since the last call."""
        shown = self._read()
        for name, counter in self._counters.items():
            counter.add(shown.get(name))

    def read(self) -> Energy:
        """Return the energy until now."""
        self.sample()
        counters = [counter for counter in self._counters.values() if counter.was_read]
        if not counters:
            return Energy(None, "unavailable")
        is_whole = all(counter.is_whole and counter.is_there for counter in self._counters.values())
        method = "measured" if self._exclusive else "shared"
        return Energy(round(sum(counter.used for counter in counters), 3), method if is_whole else "estimated")


class _Counter:
    """A hardware counter, and its growth since the first reading."""

    def __init__(self, joules: float, largest: Optional[float]) -> None:
        self._last, self._largest, self._read_at = joules, largest, monotonic()
        self.used = 0.0
        self.was_read = self.is_there = False
        self.is_whole = True

    def add(self, joules: Optional[float]) -> None:
        """Add a reading, or note that the counter could not be read."""
        self.is_there = joules is not None
        if joules is None:
            return
        now = monotonic()
        most = MOST_WATTS * (now - self._read_at + 1)
        self.used += self._growth(joules, most)
        self._last, self._read_at, self.was_read = joules, now, True

    def _growth(self, joules: float, most: float) -> float:
        """Return the joules since the last reading, at most ``most``."""
        grown = joules - self._last
        if self._largest:
            self.is_whole &= most < self._largest  # otherwise it may have wrapped unnoticed
            grown %= self._largest
        if 0 <= grown <= most:
            return grown
        self.is_whole = False  # it was reset
        return joules if joules <= most else 0.0


def _ranges() -> Dict[str, Optional[float]]:
    """Return the folder of each processor package, and the joules at which its counter wraps.

    Names of package parts have one more colon; ``psys`` is the whole computer, including the packages.
    """
    folders = [folder for folder in glob.glob(RAPL) if os.path.basename(folder).count(":") == 1]
    packages = [folder for folder in folders if not _text(os.path.join(folder, "name")).startswith("psys")]
    return {folder: _joules(folder, "max_energy_range_uj") for folder in packages}


def _joules(folder: str, name: str) -> Optional[float]:
    try:
        return int(_text(os.path.join(folder, name))) / 1e6
    except ValueError:
        return None


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii") as file:
            return file.read()
    except (OSError, ValueError):
        return ""
