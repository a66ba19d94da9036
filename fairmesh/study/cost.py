"""The processor and GPU hours that experiments request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairmesh.study.values import GPU

if TYPE_CHECKING:
    from fairmesh.study.plan import Experiment

_GRES = re.compile(r"gpu(?::[^:,=]+)?(?:[:=](\d+))?(?=,|$)")


@dataclass(frozen=True)
class Cost:
    """The hours that experiments request, which is more than they will use.

    Parameters
    ----------
    cpu_hours, gpu_hours : float
        Processors, or GPUs, times the requested run time.
    without : int
        The number of experiments that request no run time; the hours do not include them.
    """

    cpu_hours: float = 0.0
    gpu_hours: float = 0.0
    without: int = 0

    def __str__(self) -> str:
        """Return the hours in words."""
        text = f"{self.cpu_hours:,.1f} CPU hours, {self.gpu_hours:,.1f} GPU hours"
        return f"{text}; {self.without} state no run time" if self.without else text


def total_cost(experiments: Iterable[Experiment]) -> Cost:
    """Return the sum of the hours that experiments request."""
    cpu = gpu = 0.0
    without = 0
    for experiment in experiments:
        minutes = experiment.resources.get("runtime")
        if not isinstance(minutes, int):
            without += 1
            continue
        cpu += processors(experiment.resources) * minutes / 60
        gpu += gpus(experiment) * minutes / 60
    return Cost(cpu, gpu, without)


def cost_key(experiment: Experiment) -> tuple[int, int]:
    """Return the GPU and CPU minutes that an experiment requests, to sort by; one minute without a run time."""
    minutes = experiment.resources.get("runtime")
    length = minutes if isinstance(minutes, int) else 1
    return gpus(experiment) * length, processors(experiment.resources) * length


def processors(resources: Mapping[str, Any]) -> int:
    """Return the number of requested processors.

    >>> processors({"nodes": 2, "tasks": 4, "cpus_per_task": 8})
    32
    """
    per_task = int(resources.get("cpus_per_task") or resources.get("threads") or 1)
    return per_task * int(resources.get("tasks") or resources.get("nodes") or 1)


def gpus(experiment: Experiment) -> int:
    """Return the number of GPUs that an experiment requests: by ``gres``, or one for the axis ``gpu``."""
    resources: Mapping[str, Any] = experiment.resources
    match = _GRES.search(str(resources.get("gres", "")))
    nodes = int(resources.get("nodes") or 1)
    if match:
        return int(match[1] or 1) * nodes
    return nodes if experiment.axes.get(GPU) not in (None, "none", "cpu") else 0
