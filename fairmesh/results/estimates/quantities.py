"""What is estimated: run time, memory, storage and energy of an experiment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fairmesh.results.past_results import MACHINE, VERSION, PastResult

SIMILAR = 0.2  # standard deviation of the logarithm of a factor that is probably near 1


@dataclass(frozen=True)
class Quantity:
    """A quantity that is estimated.

    Parameters
    ----------
    name, title, unit : str
        Its key in JSON, its name for people, and its unit.
    measured : callable
        Returns the measured value of a result; None if there is none.
    request : str
        The resource that limits it; empty if there is none.
    depends_on_machine : bool
        Whether machines may differ widely.
    """

    name: str
    title: str
    unit: str
    measured: Callable[[PastResult], float | None]
    request: str = ""
    depends_on_machine: bool = True

    @property
    def spreads(self) -> dict[str, float]:
        """The features whose factor is probably near 1, with the standard deviation of its logarithm."""
        return {VERSION: SIMILAR} | ({} if self.depends_on_machine else {MACHINE: SIMILAR})


SECONDS = Quantity("seconds", "Run time", "s", lambda result: result.seconds, "runtime")
MEMORY = Quantity("memory_bytes", "Memory", "byte", lambda result: result.peak_bytes, "mem_mb", False)
STORAGE = Quantity("storage_bytes", "Storage", "byte", lambda result: result.stored_bytes, "", False)
ENERGY = Quantity("energy_j", "Energy", "J", lambda result: result.energy_j, "runtime")
QUANTITIES = (SECONDS, MEMORY, STORAGE, ENERGY)
