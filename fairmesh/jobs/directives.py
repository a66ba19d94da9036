"""What an experiment asks of a scheduler: its resources, under Snakemake's names, as lines of a batch script."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

from fairmesh.errors import FairmeshError

GPU = "gpu"

_SLURM = {
    "slurm_partition": "--partition={}",
    "slurm_account": "--account={}",
    "clusters": "--clusters={}",
    "qos": "--qos={}",
    "reservation": "--reservation={}",
    "constraint": "--constraint={}",
    "runtime": "--time={}",
    "nodes": "--nodes={}",
    "tasks": "--ntasks={}",
    "tasks_per_gpu": "--ntasks-per-gpu={}",
    "cpus_per_task": "--cpus-per-task={}",
    "cpus_per_gpu": "--cpus-per-gpu={}",
    "mem_mb": "--mem={}M",
    "mem_mb_per_cpu": "--mem-per-cpu={}M",
    "disk_mb": "--tmp={}M",
    "gres": "--gres={}",
}
# Of these, a rule's resources become options of sbatch.
RESOURCE_OPTIONS = frozenset({*_SLURM, "threads", "gpu_model"})
_LSF = {
    "lsf_queue": "-q {}",
    "lsf_project": "-P {}",
    "clusters": "-clusters {}",
    "qos": "-sla {}",
    "reservation": "-U {}",
    "constraint": "-R select[{}]",
    "runtime": "-W {}",
    "slots": "-n {}",
    "span": "-R span[{}]",
    "mem_mb": "-R rusage[mem={}MB]",
    "disk_mb": "-R rusage[tmp={}MB]",
    "gpus": "-gpu {}",
}


def requested(experiment: Mapping[str, Any], machine: Mapping[str, Any]) -> dict[str, Any]:
    """Return what an experiment asks for on a machine: what every job does, what its ``gpu`` stands for, and its own.

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
    own = experiment["resources"]
    usual = {**machine["resources"], **_of_gpu(experiment["axes"].get(GPU), machine)}
    if "gpu_model" in own:
        usual.pop("gres", None)
    return {**usual, **own}


def _of_gpu(gpu: str | None, machine: Mapping[str, Any]) -> Mapping[str, Any]:
    if gpu is None or machine["scheduler"] == "none":
        return {}
    found: Mapping[str, Any] = machine["gpus"].get(gpu, {"gres": f"gpu:{gpu}:1"})
    return found


def directives(experiment: Mapping[str, Any], machine: Mapping[str, Any]) -> list[str]:
    """Return the lines of job.sh that its scheduler reads; none on a machine without one.

    Raises
    ------
    FairmeshError
        If a value cannot stand in such a line.

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
    scheduler = machine["scheduler"]
    if scheduler == "none":
        return []
    wanted = requested(experiment, machine)
    exclusive = experiment["measure"] == "exclusive"
    if scheduler == "slurm":
        options = [f"--job-name={experiment['key']}", "--output=slurm-%j.log", *sbatch_options(wanted, exclusive)]
        return [f"#SBATCH {_word(option)}" for option in options]
    options = [f"-J {experiment['key']}", "-o lsf-%J.log"]
    options += _filled(_LSF, _for_lsf(wanted)) + ["-x"] * exclusive
    return [f"#BSUB {' '.join(map(_word, option.split(' ', 1)))}" for option in options]


def sbatch_options(wanted: Mapping[str, Any], exclusive: bool) -> list[str]:
    """Return the options of sbatch that ask for resources under Snakemake's names.

    >>> sbatch_options({"gpu_model": "a100", "threads": 2}, exclusive=True)
    ['--cpus-per-task=2', '--gres=gpu:a100:1', '--exclusive']
    """
    return _filled(_SLURM, _for_slurm(wanted)) + ["--exclusive"] * exclusive


def _filled(options: Mapping[str, str], values: Mapping[str, Any]) -> list[str]:
    return [text.format(values[name]) for name, text in options.items() if name in values]


def _word(text: str) -> str:
    """Quote a word as schedulers read it: like a shell, but a line is a line."""
    if not text.isprintable():
        raise FairmeshError(f"{text!r} cannot be an option of a scheduler")
    return shlex.quote(text)


def _for_slurm(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return threads and a GPU's model the names that sbatch has options for."""
    values = dict(wanted)
    if "threads" in values:
        values.setdefault("cpus_per_task", values["threads"])
    if "gpu_model" in values:
        values.setdefault("gres", f"gpu:{values['gpu_model']}:1")
    return values


def _for_lsf(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the slots, hosts, memory and GPUs of a job, which bsub wants in sum."""
    values = dict(wanted)
    model, count = _gpus(wanted)
    if count:
        values["gpus"] = f"num={count}" + (f":gmodel={model}" if model else "")
    tasks = wanted.get("tasks", count * wanted.get("tasks_per_gpu", 0) or 1)
    each = wanted.get("cpus_per_task", wanted.get("threads", 0)) or ceil(count * wanted.get("cpus_per_gpu", 0) / tasks)
    slots, nodes = max(1, tasks * max(1, each)), wanted.get("nodes", 1)
    values["slots"] = max(slots, nodes)
    values["span"] = "hosts=1" if nodes == 1 else f"ptile={ceil(slots / nodes)}"
    if "mem_mb_per_cpu" in wanted:
        values.setdefault("mem_mb", wanted["mem_mb_per_cpu"] * ceil(values["slots"] / nodes))
    return values


def _gpus(wanted: Mapping[str, Any]) -> tuple[str, int]:
    """Return model and number of the GPUs that a ``gres`` of Slurm's form asks for.

    >>> _gpus({"gres": "gpu:a100:2"}), _gpus({"gres": "gpu:2"}), _gpus({"gpu_model": "v100"}), _gpus({})
    (('a100', 2), ('', 2), ('v100', 1), ('', 0))
    """
    model = wanted.get("gpu_model", "")
    kind, *rest = wanted.get("gres", f"gpu:{model}" if model else "").split(":")
    if kind != GPU:
        return "", 0
    numbers = [int(each) for each in rest if each.isdecimal()]
    names: Sequence[str] = [each for each in rest if not each.isdecimal()]
    return (names or [model])[0], (numbers or [1])[0]
