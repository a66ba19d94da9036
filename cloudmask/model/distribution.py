"""The devices of a training: one device, the GPUs of one machine, or several processes."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from cloudmask.errors import CloudmaskError, InputError

FIRST_PORT, PORTS = 20000, 12000  # below the ephemeral ports of Linux, which start at 32768


def slurm_cluster(
    environment: Mapping[str, str], hosts: Callable[[str], list[str]] | None = None
) -> dict[str, Any] | None:
    """Describe the tasks of the Slurm step to which this process belongs.

    Only `srun` sets the variables of a step: a program that a batch script starts without `srun` runs alone, whatever
    the number of tasks of the job. Workers are numbered node by node, independently of Slurm's task distribution.

    Parameters
    ----------
    environment : mapping
        The process's environment variables.
    hosts : callable
        Expands a list of nodes such as ``n[1-3],m5``; by default ``scontrol``.

    Returns
    -------
    dict or None
        The content of TF_CONFIG; None outside a step or in a step of a single task.

    Raises
    ------
    CloudmaskError
        If the variables of the step are malformed.

    Examples
    --------
    >>> step = {"SLURM_STEP_NUM_TASKS": "3", "SLURM_STEP_NODELIST": "n[1-2]", "SLURM_STEP_TASKS_PER_NODE": "2,1",
    ...         "SLURM_NODEID": "1", "SLURM_LOCALID": "0", "SLURM_JOB_ID": "7"}
    >>> cluster = slurm_cluster(step, lambda _: ["n1", "n2"])
    >>> cluster["cluster"]["worker"], cluster["task"]["index"]
    (['n1:20112', 'n1:20113', 'n2:20112'], 2)
    """
    if int(environment.get("SLURM_STEP_NUM_TASKS", "1")) < 2:
        return None
    try:
        names = (hosts or _hosts)(environment["SLURM_STEP_NODELIST"])
        counts = tasks_per_node(environment["SLURM_STEP_TASKS_PER_NODE"])
        node, local = int(environment["SLURM_NODEID"]), int(environment["SLURM_LOCALID"])
        port = FIRST_PORT + int(environment["SLURM_JOB_ID"]) * 16 % PORTS
        workers = [f"{host}:{port + task}" for host, count in zip(names, counts, strict=True) for task in range(count)]
    except (KeyError, ValueError) as error:
        raise CloudmaskError(f"the Slurm step is malformed: {error}") from None
    return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": sum(counts[:node]) + local}}


def tasks_per_node(text: str) -> list[int]:
    """Expand Slurm's short form of a list of numbers.

    >>> tasks_per_node("2(x3),1")
    [2, 2, 2, 1]
    """
    counts = []
    for part in text.split(","):
        match = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if not match:
            raise ValueError(f"tasks per node {text!r}")
        counts += [int(match[1])] * int(match[2] or 1)
    return counts


def _hosts(nodes: str) -> list[str]:
    try:
        done = subprocess.run(["scontrol", "show", "hostnames", nodes], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CloudmaskError(f"scontrol cannot spell out the nodes {nodes}: {error}") from None
    return done.stdout.split()


@dataclass(frozen=True)
class DistributionStrategy:
    """The devices of a training.

    Attributes
    ----------
    strategy : tf.distribute.Strategy
        TensorFlow's strategy for them.
    index, processes : int
        The index of this process, from 0, and the number of processes.
    """

    strategy: tf.distribute.Strategy
    index: int = 0
    processes: int = 1

    @property
    def is_chief(self) -> bool:
        """Whether this process writes the results."""
        return self.index == 0

    @property
    def devices(self) -> int:
        """The number of devices of all processes."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def local(self) -> int:
        """The number of devices of this process, the same for each process."""
        return self.devices // self.processes

    def agree(self, value: int) -> bool:
        """Return whether all processes pass the same number; a collective call."""
        if self.processes == 1:
            return True
        total, squares = self._sums([value, value**2])
        # The variance is 0 only if all are equal; squares are exact up to 2**53.
        return self.devices * squares == total**2

    def any(self, *flags: bool) -> list[bool]:
        """Return for each flag whether any process sets it; a collective call."""
        if self.processes == 1:
            return list(flags)
        return [total > 0 for total in self._sums(list(flags))]

    def _sums(self, values: list[int] | list[bool]) -> list[float]:
        together = _add_over_devices(self.strategy, tf.constant(values, tf.float64))
        return [float(total) for total in self.strategy.experimental_local_results(together)[0]]


@tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
def _add_over_devices(strategy: tf.distribute.Strategy, tensor: tf.Tensor) -> tf.Tensor:
    def add(values: tf.Tensor) -> tf.Tensor:
        # Only a tensor that a device computed is known to be on it.
        return tf.distribute.get_replica_context().all_reduce("sum", tf.identity(values))

    return strategy.run(add, args=(tensor,))


def single_device() -> DistributionStrategy:
    """Return the strategy of this process and its first device."""
    return DistributionStrategy(tf.distribute.get_strategy())


def find_strategy() -> DistributionStrategy:
    """Return the strategy for the environment: TF_CONFIG, else a Slurm step, else this process's GPUs.

    Call this before TensorFlow's first operation. In a Slurm step each task needs its own GPUs, as with
    ``--gpus-per-task``.

    Raises
    ------
    InputError
        If TF_CONFIG does not have the form that TensorFlow documents.
    CloudmaskError
        If the other processes cannot be reached.
    """
    if "TF_CONFIG" not in os.environ and (step := slurm_cluster(os.environ)):
        os.environ["TF_CONFIG"] = json.dumps(step)
    workers, index = _members(os.environ.get("TF_CONFIG", "{}"))
    if workers > 1:
        try:
            return DistributionStrategy(tf.distribute.MultiWorkerMirroredStrategy(), index, workers)
        except (tf.errors.OpError, RuntimeError) as error:
            reason = str(error).strip().partition("\n")[0]
            raise CloudmaskError(f"the processes of TF_CONFIG cannot connect: {reason}") from None
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return DistributionStrategy(tf.distribute.MirroredStrategy())
    return single_device()


def _members(config: str) -> tuple[int, int]:
    """Return the number of processes in TF_CONFIG and the index of this one; (0, 0) if it has none."""
    try:
        content = json.loads(config)
        if "cluster" not in content:
            return 0, 0
        chiefs, workers = (len(content["cluster"].get(kind, [])) for kind in ("chief", "worker"))
        task = content["task"]["type"], int(content["task"]["index"])
    except (ValueError, LookupError, TypeError, AttributeError):
        raise InputError(
            'TF_CONFIG: must be like {"cluster": {"worker": ["host:port"]}, "task": {"type": "worker", "index": 0}}'
        ) from None
    index = task[1] if task[0] == "chief" else chiefs + task[1]
    if task[0] not in {"chief", "worker"} or not 0 <= index < chiefs + workers:
        raise InputError(f"TF_CONFIG: no {task[0]} {task[1]} among its {chiefs + workers} chiefs and workers")
    return chiefs + workers, index
