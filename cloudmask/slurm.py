"""The cluster that a Slurm step makes, in the words of TF_CONFIG.

TensorFlow's own SlurmClusterResolver fails on nodes without GPUs and gives all jobs the same ports.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from cloudmask.errors import CloudmaskError

FIRST_PORT, PORTS = 20000, 12000  # below those that Linux gives to clients, from 32768


def cluster(environment: Mapping[str, str], hosts: Callable[[str], list[str]] | None = None) -> dict[str, Any] | None:
    """Describe the tasks of the step that this process belongs to.

    Only `srun` sets the variables of a step, so a program that a batch script starts without it is alone, whatever
    the number of tasks that the job has asked for. Workers are numbered node by node, which needs no knowledge of how
    Slurm has laid the tasks out.

    Parameters
    ----------
    environment : mapping
        The process's environment variables.
    hosts : callable
        Spells out a list of nodes such as ``n[1-3],m5``; by default ``scontrol``.

    Returns
    -------
    dict or None
        What TF_CONFIG holds as JSON; None outside a step or in one of a single task.

    Raises
    ------
    CloudmaskError
        If the step's description cannot be understood.

    Examples
    --------
    >>> step = {"SLURM_STEP_NUM_TASKS": "3", "SLURM_STEP_NODELIST": "n[1-2]", "SLURM_STEP_TASKS_PER_NODE": "2,1",
    ...         "SLURM_NODEID": "1", "SLURM_LOCALID": "0", "SLURM_JOB_ID": "7"}
    >>> found = cluster(step, lambda _: ["n1", "n2"])
    >>> found["cluster"]["worker"], found["task"]["index"]
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
        raise CloudmaskError(f"the Slurm step cannot be understood: {error}") from None
    return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": sum(counts[:node]) + local}}


def tasks_per_node(text: str) -> list[int]:
    """Spell out Slurm's short form of a list of numbers.

    >>> tasks_per_node("2(x3),1")
    [2, 2, 2, 1]
    """
    counts = []
    for part in text.split(","):
        found = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part)
        if not found:
            raise ValueError(f"tasks per node {text!r}")
        counts += [int(found[1])] * int(found[2] or 1)
    return counts


def _hosts(nodes: str) -> list[str]:
    try:
        done = subprocess.run(["scontrol", "show", "hostnames", nodes], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CloudmaskError(f"scontrol cannot spell out the nodes {nodes}: {error}") from None
    return done.stdout.split()
