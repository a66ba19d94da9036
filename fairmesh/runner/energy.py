"""Energy from counters that the hardware itself keeps; where there are none, none is claimed."""

import glob
import os
from time import monotonic
from typing import Dict, NamedTuple, Optional

from .gpu import Gpus

RAPL = "/sys/class/powercap/intel-rapl:*"
MOST_WATTS = 2000.0  # more than one processor package or one GPU draws: what grows faster than that has jumped


class Energy(NamedTuple):
    """Joules, and how they were found: measured, shared, estimated or unavailable."""

    joules: Optional[float]
    method: str


class EnergyMeter:
    """Joules since the meter was made, added up from reading to reading: a counter of RAPL wraps within minutes.

    Processor packages come from RAPL (Linux powercap), GPUs from NVML. ``shared`` means that the counters also hold
    what other programs of the host used, which is so whenever the machine was not taken exclusively. ``estimated``
    means that a counter could not be followed all the time; the joules are then a lower bound.

    Parameters
    ----------
    gpus : Gpus
        The GPUs that the job may see.
    exclusive : bool
        Whether the job has the machine for itself.
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
        """Add what the counters have grown by since the last call."""
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
    """One counter of the hardware, and what it has grown by since it was first read."""

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
        """Return the joules since the last reading, which are no more than ``most``."""
        grown = joules - self._last
        if self._largest:
            self.is_whole &= most < self._largest  # else it may have wrapped without anybody seeing it
            grown %= self._largest
        if 0 <= grown <= most:
            return grown
        self.is_whole = False  # it has been set to zero, or to something else
        return joules if joules <= most else 0.0


def _ranges() -> Dict[str, Optional[float]]:
    """Return the folder of each processor package, and the joules at which its counter begins at zero again.

    Parts of a package have a colon more; ``psys`` is the whole computer, which holds the packages once more.
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
