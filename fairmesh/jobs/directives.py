"""The resources of an experiment, under Snakemake's names, and the lines of a batch script that request them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fairmesh.errors import FairmeshError
from fairmesh.schedulers import SchedulerError, find_scheduler

GPU = "gpu"


def requested(experiment: Mapping[str, Any], machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources that an experiment requests: those of the machine, of its ``gpu`` axis, and its own.

    Parameters
    ----------
    experiment : mapping
        The content of experiment.json, or its ``axes`` and ``resources``.
    machine : mapping
        The machine's entry in machines.yaml.

    Examples
    --------
    >>> machine = {"scheduler": "slurm", "resources": {"slurm_account": "mine"}, "gpus": {}}
    >>> requested({"axes": {"gpu": "v100"}, "resources": {"runtime": 5}}, machine)
    {'slurm_account': 'mine', 'gres': 'gpu:v100:1', 'runtime': 5}
    """
    own_resources = experiment["resources"]
    usual = {**machine["resources"], **_of_gpu(experiment["axes"].get(GPU), machine)}
    if "gpu_model" in own_resources:
        usual.pop("gres", None)
    return {**usual, **own_resources}


def _of_gpu(gpu: str | None, machine: Mapping[str, Any]) -> Mapping[str, Any]:
    is_shared_out = machine["scheduler"] != "none" or machine.get("kind") not in {None, "local", "profile"}
    if gpu is None or not is_shared_out:
        return {}
    resources: Mapping[str, Any] = machine["gpus"].get(gpu, {"gres": f"gpu:{gpu}:1"})
    return resources


def directives(experiment: Mapping[str, Any], machine: Mapping[str, Any]) -> list[str]:
    """Return the lines of job.sh that its scheduler reads; none on a machine without one.

    Raises
    ------
    FairmeshError
        If a value is not allowed in such a line.

    Examples
    --------
    >>> job = {"key": "0123456789ab", "axes": {}, "resources": {"runtime": 5, "mem_mb": 900}, "measure": "shared"}
    >>> for line in directives(job, {"scheduler": "slurm", "resources": {}, "gpus": {}}):
    ...     print(line)
    #SBATCH --job-name=0123456789ab
    #SBATCH --output=slurm-%j.log
    #SBATCH --time=5
    #SBATCH --mem=900M
    """
    if machine["scheduler"] == "none":
        return []
    scheduler, exclusive = find_scheduler(machine["scheduler"]), experiment["measure"] == "exclusive"
    try:
        return scheduler.directives(experiment["key"], requested(experiment, machine), exclusive)
    except SchedulerError as error:
        raise FairmeshError(error.reason) from None


def batch_values(machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a machine's scheduler for templates: title, submit_hint, shell, harmless_signals."""
    if machine["scheduler"] == "none":
        return {}
    scheduler = find_scheduler(machine["scheduler"])
    return {
        "title": scheduler.title,
        "submit_hint": scheduler.submit_hint,
        "shell": scheduler.shell,
        "harmless_signals": scheduler.harmless_signals,
    }
