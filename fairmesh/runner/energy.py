"""Energy from counters that the hardware itself keeps; where there are none, none is claimed."""

import glob
import os
from typing import Dict, NamedTuple, Optional

from .gpu import Gpus

RAPL = "/sys/class/powercap/intel-rapl:*"


class Energy(NamedTuple):
    """Joules, and how they were found: measured, shared, estimated or unavailable."""

    joules: Optional[float]
    method: str


class EnergyMeter:
    """Joules between its making and its reading.

    Processor packages come from RAPL (Linux powercap), GPUs from NVML. ``shared`` says that the counters also hold what
    other programs of the host used, which is so whenever the machine was not taken exclusively.

    Parameters
    ----------
    gpus : Gpus
        The GPUs that the job may see.
    exclusive : bool
        Whether the job has the machine for itself.
    """

    def __init__(self, gpus: Gpus, exclusive: bool) -> None:
        self._gpus, self._exclusive = gpus, exclusive
        self._before = self._counters()

    def _counters(self) -> Dict[str, float]:
        counters = {}
        for folder in glob.glob(RAPL):
            value = _number(os.path.join(folder, "energy_uj"))
            if os.path.basename(folder).count(":") == 1 and value is not None:
                counters[folder] = value / 1e6
        for gpu in self._gpus.all:
            joules = self._gpus.energy(gpu)
            if joules is not None:
                counters[gpu.uuid] = joules
        return counters

    def read(self) -> Energy:
        """Give the energy since the meter was made."""
        now = self._counters()
        used = [_difference(name, self._before[name], now[name]) for name in self._before if name in now]
        if not used:
            return Energy(None, "unavailable")
        return Energy(round(sum(used), 3), "measured" if self._exclusive else "shared")


def _difference(name: str, before: float, now: float) -> float:
    """Subtract, minding that a RAPL counter begins at zero again after its largest value."""
    if now >= before:
        return now - before
    return now - before + (_number(os.path.join(name, "max_energy_range_uj")) or 0) / 1e6


def _number(path: str) -> Optional[float]:
    try:
        with open(path, encoding="ascii") as file:
            return float(file.read())
    except (OSError, ValueError):
        return None
