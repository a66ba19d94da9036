"""Who trains together: one device, the GPUs of one machine, or several processes, on one machine or many."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

import tensorflow as tf

from cloudmask import slurm
from cloudmask.errors import CloudmaskError, InputError


@dataclass(frozen=True)
class Team:
    """The devices of a training.

    Attributes
    ----------
    strategy : tf.distribute.Strategy
        How TensorFlow keeps the devices together.
    index, processes : int
        The number of this process, from 0, and of all.
    """

    strategy: tf.distribute.Strategy
    index: int = 0
    processes: int = 1

    @property
    def chief(self) -> bool:
        """Return whether this process is the one that writes results."""
        return self.index == 0

    @property
    def devices(self) -> int:
        """The number of devices of all processes together."""
        return int(self.strategy.num_replicas_in_sync)

    @property
    def local(self) -> int:
        """The number of devices of this process; every process has as many."""
        return self.devices // self.processes

    def agrees(self, value: int) -> bool:
        """Return whether all processes come with the same number; all must ask at the same time."""
        if self.processes == 1:
            return True

        def add() -> tf.Tensor:
            own = tf.constant([value, value**2], tf.float64)
            return tf.distribute.get_replica_context().all_reduce("sum", own)

        together = tf.function(lambda: self.strategy.run(add))()
        total, squares = map(float, self.strategy.experimental_local_results(together)[0])
        # The variance is 0 only if all are equal; their squares are exact to 2**53.
        return bool(self.devices * squares == total**2)


def alone() -> Team:
    """Return a team of this process and its first device."""
    return Team(tf.distribute.get_strategy())


def join() -> Team:
    """Find the team that the environment speaks of: TF_CONFIG, else a Slurm step, else this process's GPUs.

    To be called before TensorFlow's first operation. In a Slurm step each task needs GPUs of its own, as with
    ``--gpus-per-task``.

    Raises
    ------
    InputError
        If TF_CONFIG is not what TensorFlow documents.
    CloudmaskError
        If the other processes cannot be reached.
    """
    if "TF_CONFIG" not in os.environ and (found := slurm.cluster(os.environ)):
        os.environ["TF_CONFIG"] = json.dumps(found)
    workers, index = _members(os.environ.get("TF_CONFIG", "{}"))
    if workers > 1:
        try:
            return Team(tf.distribute.MultiWorkerMirroredStrategy(), index, workers)
        except (tf.errors.OpError, RuntimeError) as error:
            raise CloudmaskError(f"the processes of TF_CONFIG do not find together: {first_line(error)}") from None
    if len(tf.config.list_physical_devices("GPU")) > 1:
        return Team(tf.distribute.MirroredStrategy())
    return alone()


def _members(config: str) -> tuple[int, int]:
    """Read how many processes TF_CONFIG names and which this one is; (0, 0) if it names none."""
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


def first_line(error: BaseException) -> str:
    """Return the first line of what TensorFlow has to say."""
    return str(error).strip().partition("\n")[0]
