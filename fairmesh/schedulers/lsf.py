"""LSF: bsub, bjobs, bkill."""

import os
from math import ceil
from typing import Any, ClassVar, Dict, FrozenSet, Iterable, List, Mapping, Optional

from .base import EXCLUSIVE, SCRATCH, CurrentJob, JobInfo, Option, Scheduler, gpus
from .transport import ANSWER, SchedulerError

_OPTIONS = {
    "lsf_queue": ("-q", "{}"),
    "lsf_project": ("-P", "{}"),
    "clusters": ("-clusters", "{}"),
    "qos": ("-sla", "{}"),
    "reservation": ("-U", "{}"),
    "constraint": ("-R", "select[{}]"),
    "runtime": ("-W", "{}"),
    "slots": ("-n", "{}"),
    "span": ("-R", "span[{}]"),
    "mem_mb": ("-R", "rusage[mem={}MB]"),
    "disk_mb": ("-R", "rusage[tmp={}MB]"),
    "gpus": ("-gpu", "{}"),
}


class Lsf(Scheduler):
    """LSF, from version 10.1 on."""

    name = "lsf"
    title = "LSF"
    programs = ("bsub", "bjobs", "bkill", "lsid")
    prefix = "#BSUB"
    submit_hint = "bsub < job.sh"
    own_resources: ClassVar[Mapping[str, str]] = {
        "lsf_queue": "Queue of LSF.",
        "lsf_project": "Project that LSF charges.",
    }
    variables = ("LSB_JOBID", "LSB_JOBINDEX", "LSB_QUEUE", "LSB_MCPU_HOSTS", "LSB_DJOB_NUMPROC")
    shell = """\
program=bsub

list_jobs() {
    local answer
    answer=$(bjobs -noheader -o 'jobid job_name' 2>&1) || [[ $answer == *'No unfinished job'* ]] || return
    echo "$answer"
}

submit() { # jobs to wait for
    local answer condition='' options=()
    if [ $# -gt 0 ]; then
        condition=$(printf ' && done(%s)' "$@")
        options=(-w "${condition# && }" -ti)
    fi
    answer=$(bsub ${options[@]+"${options[@]}"} < job.sh) || return
    if [[ $answer =~ \\<([0-9]+)\\> ]]; then echo "${BASH_REMATCH[1]}"; fi
}
"""

    def is_available(self) -> bool:
        """Return whether LSF can be asked for jobs: not yet."""
        return False

    def options(self, resources: Mapping[str, Any], exclusive: bool = False) -> List[Option]:
        """Return the options of bsub that ask for resources.

        >>> Lsf().options({"gres": "gpu:a100:2", "runtime": 5})
        [('-W', '5'), ('-n', '1'), ('-R', 'span[hosts=1]'), ('-gpu', 'num=2:gmodel=a100')]
        """
        values = _in_sum(resources)
        options = [(name, text.format(values[key])) for key, (name, text) in _OPTIONS.items() if key in values]
        return [*options, *[("-x",)] * bool(exclusive or resources.get(EXCLUSIVE))]

    def naming(self, name: str) -> List[Option]:
        """Return the options of bsub that name a job and its output."""
        return [("-J", name), ("-o", "lsf-%J.log")]

    def known_resources(self) -> FrozenSet[str]:
        """Return the resources of a rule that become options of bsub."""
        counted = {"threads", "tasks", "nodes", "cpus_per_task", "cpus_per_gpu", "tasks_per_gpu", "mem_mb_per_cpu"}
        asked = {*_OPTIONS, *counted, "gres", "gpu_model", EXCLUSIVE, SCRATCH}
        return frozenset(asked - {"slots", "span", "gpus", "disk_mb"})

    def current_job(self) -> Optional[CurrentJob]:
        """Return the job that this process runs in, from variables that begin with ``LSB_``."""
        return CurrentJob(os.environ["LSB_JOBID"]) if self.is_in_job() else None

    def jobs(
        self, ids: Optional[Iterable[str]] = None, name: Optional[str] = None, timeout: float = ANSWER
    ) -> Dict[str, JobInfo]:
        """Raise an error: LSF cannot be asked for jobs yet."""
        raise SchedulerError("LSF cannot be asked for jobs yet")


def _in_sum(resources: Mapping[str, Any]) -> Dict[str, Any]:
    """Return the slots, hosts, memory and GPUs of a job, which bsub wants in sum."""
    values = dict(resources)
    if SCRATCH in values:
        values["disk_mb"] = values[SCRATCH]
    model, count = gpus(resources)
    if count:
        values["gpus"] = f"num={count}" + (f":gmodel={model}" if model else "")
    tasks = resources.get("tasks", count * resources.get("tasks_per_gpu", 0) or 1)
    cpus = resources.get("cpus_per_task", resources.get("threads", 0))
    cpus = cpus or ceil(count * resources.get("cpus_per_gpu", 0) / tasks)
    slots, nodes = max(1, tasks * max(1, cpus)), resources.get("nodes", 1)
    values["slots"] = max(slots, nodes)
    values["span"] = "hosts=1" if nodes == 1 else f"ptile={ceil(slots / nodes)}"
    if "mem_mb_per_cpu" in resources:
        values.setdefault("mem_mb", resources["mem_mb_per_cpu"] * ceil(values["slots"] / nodes))
    return values
