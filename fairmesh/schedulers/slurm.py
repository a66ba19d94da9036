"""Slurm: sbatch, squeue and scancel; accounting is not required."""

import os
import re
import shlex
from typing import Any, ClassVar, Dict, FrozenSet, Iterable, List, Mapping, Optional

from .base import GPU, CurrentJob, JobInfo, JobState, Note, Option, QueueLimit, Scheduler, Site
from .transport import ANSWER, Output, SchedulerError

EXTRA = "slurm_extra"  # the resource of the executor plugin for further options
CPUS = "cpus_per_task"
ALL_CPUS = -1  # as in the plugin; a number would bind the job's step to that many cores
INNER_MB = 600  # a job of the executor plugin starts two Snakemakes, one in the other, of up to 220 MB each
SUBMIT = 60.0  # seconds for the answer to a submission
_FROM_OUTSIDE = "SQUEUE_|SLURM_CLUSTERS$"  # the user's settings of format and cluster
_OUTER_JOB = "SLURM_(?!CONF$)"  # variables of the job that Snakemake may run in

_OPTIONS = {
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
    CPUS: "--cpus-per-task={}",
    "cpus_per_gpu": "--cpus-per-gpu={}",
    "mem_mb": "--mem={}M",
    "mem_mb_per_cpu": "--mem-per-cpu={}M",
    "disk_mb": "--tmp={}M",
    "gres": "--gres={}",
}
# Rules pass these options, for which the plugin has no resource, or Snakemake has its own default.
_IN_EXTRA = ("reservation", "disk_mb")

_STATES = {
    "PENDING": JobState.PENDING,
    "REQUEUED": JobState.PENDING,
    "REQUEUE_FED": JobState.PENDING,
    "REQUEUE_HOLD": JobState.PENDING,
    "RESV_DEL_HOLD": JobState.PENDING,
    "SPECIAL_EXIT": JobState.PENDING,
    "COMPLETED": JobState.DONE,
    "FAILED": JobState.FAILED,
    "OUT_OF_MEMORY": JobState.FAILED,
    "LAUNCH_FAILED": JobState.FAILED,
    "CANCELLED": JobState.CANCELLED,
    "TIMEOUT": JobState.TIMEOUT,
    "DEADLINE": JobState.TIMEOUT,
    "NODE_FAIL": JobState.LOST,
    "BOOT_FAIL": JobState.LOST,
    "PREEMPTED": JobState.LOST,
    "REVOKED": JobState.LOST,
}
_FIELDS = (
    ("JobID", 20),
    ("State", 24),
    ("RestartCnt", 8),
    ("TimeLimit", 16),
    ("Cluster", 64),
    ("Reason", 64),
    ("NodeList", 64),
    ("Name", 128),
    ("Comment", 512),
)
_HOPELESS = re.compile(
    r"""
    BadConstraints | PartitionNodeLimit | PartitionTimeLimit | DependencyNeverSatisfied | JobHoldMaxRequeue
    | (launch_failed|job_requeued_in_held).* | launch\ failed\ requeued\ held
    | (Invalid|Unknown)(Account|QOS) | (Account|QOS)NotAllowed | ReservationDeleted
    | (Assoc|QOS)Max\w*(PerJob|PerNode|MinutesPerJob)\w* | (Assoc|QOS)MaxWall\w*
    """,
    re.VERBOSE,
)
# A queue that is full for this user or for all; a controller that is unavailable for a while.
_FULL = re.compile(r"max\w*submit|grp\w*submit|submit limit|job limit|max\w*job|temporarily", re.IGNORECASE)
_SILENT = re.compile(r"try again|unable to contact|timed out|connect|not responding", re.IGNORECASE)
_SPEAKER = re.compile(r"^(?:\w+: )?(?:error: )?(?:Batch job submission failed: |allocation failure: )?")


class Slurm(Scheduler):
    """Slurm, from 20.11 on."""

    name = "slurm"
    title = "Slurm"
    programs = ("sbatch", "squeue", "scancel", "sinfo", "scontrol")
    prefix = "#SBATCH"
    submit_hint = "sbatch job.sh"
    own_resources: ClassVar[Mapping[str, str]] = {
        "slurm_partition": "Partition of Slurm.",
        "slurm_account": "Account that Slurm charges.",
    }
    variables = (
        "SLURM_JOB_ID",
        "SLURM_ARRAY_JOB_ID",
        "SLURM_ARRAY_TASK_ID",
        "SLURM_CLUSTER_NAME",
        "SLURM_JOB_PARTITION",
        "SLURM_JOB_NODELIST",
        "SLURM_JOB_NUM_NODES",
        "SLURM_CPUS_ON_NODE",
        "SLURM_CPUS_PER_TASK",
        "SLURM_MEM_PER_NODE",
        "SLURM_JOB_GPUS",
        "SLURM_RESTART_COUNT",
    )
    words = _STATES
    plugin = "slurm"
    node_variable = "SLURMD_NODENAME"
    node_down_words = "node configuration is not available"
    added_resources = frozenset({EXTRA, CPUS})
    shell = """\
program=sbatch

list_jobs() {
    squeue --noheader --user="$(id -un)" --format='%i %j'
}

submit() { # jobs to wait for
    local answer options=()
    if [ $# -gt 0 ]; then
        options=(--dependency="afterok$(printf ':%s' "$@")" --kill-on-invalid-dep=yes)
    fi
    answer=$(sbatch --parsable ${options[@]+"${options[@]}"} job.sh) || return
    echo "${answer%%;*}"
}
"""
    _cluster = ""

    def is_available(self) -> bool:
        """Return whether Slurm can be queried on this host."""
        return self.transport.has("squeue")

    def options(self, resources: Mapping[str, Any], exclusive: bool = False) -> List[Option]:
        """Return the options of sbatch that request resources.

        >>> Slurm().options({"gpu_model": "a100", "threads": 2}, exclusive=True)
        [('--cpus-per-task=2',), ('--gres=gpu:a100:1',), ('--exclusive',)]
        >>> Slurm().options({"mem_mb": 100, "mem_mb_per_cpu": 50, "slurm_extra": "--exclusive", "cpus_per_task": -1})
        [('--mem-per-cpu=50M',), ('--exclusive',)]
        """
        values = dict(resources)
        if "threads" in values:
            values.setdefault(CPUS, values["threads"])
        if isinstance(values.get(CPUS), int) and values[CPUS] < 1:
            del values[CPUS]  # all CPUs
        if "gpu_model" in values:
            values.setdefault("gres", f"{GPU}:{values['gpu_model']}:1")
        if "mem_mb_per_cpu" in values:  # Slurm accepts one of the two; the other is from the profile
            values.pop("mem_mb", None)
        words = [text.format(values[name]) for name, text in _OPTIONS.items() if name in values]
        words += ["--exclusive"] * exclusive + shlex.split(str(values.get(EXTRA, "")))
        return [(word,) for word in words]

    def naming(self, name: str) -> List[Option]:
        """Return the options of sbatch that name a job and its output."""
        return [(f"--job-name={name}",), ("--output=slurm-%j.log",)]

    def known_resources(self) -> FrozenSet[str]:
        """Return the resources of a rule that become options of sbatch."""
        return frozenset({EXTRA, "threads", "gpu_model", *_OPTIONS}) - frozenset(_IN_EXTRA)

    def rule_resources(self, resources: Mapping[str, Any], exclusive: bool, inner_snakemake: bool) -> Dict[str, Any]:
        """Return the resources of a job's rule, under the names of Snakemake's own executor plugin.

        >>> Slurm().rule_resources({"mem_mb": 100, "reservation": "today"}, exclusive=True, inner_snakemake=True)
        {'mem_mb': 600, 'reservation': 'today', 'cpus_per_task': -1, 'slurm_extra': '--reservation=today --exclusive'}
        """
        values = dict(resources)
        if inner_snakemake and "mem_mb" in values:
            values["mem_mb"] = max(values["mem_mb"], INNER_MB)
        extra = [_OPTIONS[name].format(resources[name]) for name in _IN_EXTRA if name in resources]
        if exclusive:
            extra.append("--exclusive")
            values.setdefault(CPUS, resources.get("threads", ALL_CPUS))
        if extra:
            values[EXTRA] = " ".join(extra)
        return values

    def check(self, resources: Mapping[str, Any]) -> None:
        """Check that Slurm would accept such a job; nothing is submitted."""
        self._sbatch(["--test-only", *_flat(self.options(resources))], "#!/bin/sh\n")

    def submit(self, script: str, resources: Mapping[str, Any], name: str, comment: str, log: str) -> str:
        """Submit a batch script, and return its number."""
        output = log.replace("%", "%%")  # sbatch replaces %j and the like in the name of an output
        naming = ["--parsable", f"--job-name={name}", f"--output={output}"]
        answer = self._sbatch([*naming, *_flat(self.options(resources)), f"--comment={comment}"], script)
        return answer.partition(";")[0].strip()

    def _sbatch(self, arguments: List[str], script: str) -> str:
        hidden = _OUTER_JOB if self.is_in_job() else ""
        output = self.transport.run(["sbatch", *arguments], script, SUBMIT, hidden, is_inherited=True)
        if output.status:
            raise self.error(output)
        return output.stdout

    def jobs(
        self, ids: Optional[Iterable[str]] = None, name: Optional[str] = None, timeout: float = ANSWER
    ) -> Dict[str, JobInfo]:
        """Return jobs by number, from one call of squeue."""
        selection = [f"--user={os.getuid()}"] if ids is None else []
        if ids is not None:
            numbers = sorted(set(filter(self.is_job_id, ids)))
            if not numbers:
                return {}
            selection.append("--jobs=" + ",".join(numbers))
        if name is not None:
            selection.append("--name=" + name)
        fields = ",".join(f"{field}:{width}" for field, width in _FIELDS)
        command = ["squeue", "--noheader", "--array", "--states=all", "--Format=" + fields, *selection]
        output = self.transport.run(command, timeout=timeout, hidden=_FROM_OUTSIDE)
        if output.status and "Invalid job id specified" in output.stderr:
            return {}
        if output.status:
            raise self.error(output)
        jobs = (_parse_job(line) for line in output.stdout.split("\n") if line.strip())
        return {job.id: job for job in jobs}

    def cancel(self, ids: Iterable[str], timeout: float = SUBMIT) -> None:
        """Cancel queued and running jobs."""
        numbers = sorted(ids)
        if numbers:
            self.ask("scancel", *numbers, timeout=timeout)

    def cluster(self, timeout: float = ANSWER) -> str:
        """Return the name of the cluster, or an empty text if the controller does not answer."""
        if not self._cluster:
            try:
                config = self.ask("scontrol", "show", "config", timeout=timeout, hidden=_FROM_OUTSIDE)
            except SchedulerError:
                return ""
            match = re.search(r"^ClusterName\s*= *(\S+)", config, re.MULTILINE)
            self._cluster = match.group(1) if match else ""
        return self._cluster

    def current_job(self) -> Optional[CurrentJob]:
        """Return the job that this process runs in, from variables that begin with ``SLURM_``."""
        if not self.is_in_job():
            return None
        node, per_cpu, cpus, nodes, restarts = map(
            _number, ("MEM_PER_NODE", "MEM_PER_CPU", "CPUS_ON_NODE", "JOB_NUM_NODES", "RESTART_COUNT")
        )
        return CurrentJob(
            id=os.environ["SLURM_JOB_ID"],
            cluster=os.environ.get("SLURM_CLUSTER_NAME", ""),
            restarts=restarts,
            node=os.environ.get("SLURMD_NODENAME", ""),
            nodes=nodes,
            memory=(node or per_cpu * cpus) << 20,
        )

    def version(self, timeout: float = ANSWER) -> str:
        """Return the version, and the cluster's name."""
        config = self.ask("scontrol", "show", "config", timeout=timeout, hidden=_FROM_OUTSIDE)
        values = dict(re.findall(r"^(\w+)\s*= *(\S+)", config, re.MULTILINE))
        return f"{values.get('SLURM_VERSION', '?')}, cluster {values.get('ClusterName', '?')}"

    def site(self, timeout: float = ANSWER) -> Site:
        """Return the partitions, accounts and generic resources."""
        from ._slurm_site import site  # noqa: PLC0415  not needed in jobs

        return site(self, timeout)

    def queue_limit(self, resources: Iterable[Mapping[str, Any]], timeout: float = ANSWER) -> Optional[QueueLimit]:
        """Return the lowest limit of the accounting that applies to these jobs."""
        from ._slurm_limits import load_limits  # noqa: PLC0415  not needed in jobs

        return load_limits(self, timeout).lowest(resources)

    def notes(self, timeout: float = ANSWER) -> List[Note]:
        """Return notes on settings that runs depend on: accounting, and how long Slurm keeps ended jobs."""
        from ._slurm_site import notes  # noqa: PLC0415  not needed in jobs

        return notes(self, timeout)

    def error(self, output: Output) -> SchedulerError:
        """Return the error for the output of one of Slurm's programs."""
        reason = plain_words(output.stderr) or f"it ended with status {output.status}"
        is_full = bool(_FULL.search(reason))
        return SchedulerError(reason, is_full, is_unanswered=not is_full and bool(_SILENT.search(reason)))


def plain_words(text: str) -> str:
    r"""Return the message of one of Slurm's programs, without the name of the program.

    >>> plain_words("sbatch: error: invalid partition: x\nsbatch: error: Batch job submission failed: Invalid name")
    'invalid partition: x; Invalid name'
    """
    lines = (_SPEAKER.sub("", line).strip() for line in text.splitlines())
    return "; ".join(dict.fromkeys(filter(None, lines)))


def _flat(options: Iterable[Option]) -> List[str]:
    return [word for option in options for word in option]


def _number(name: str) -> int:
    text = os.environ.get("SLURM_" + name, "")
    return int(text) if text.isdigit() else 0


def _parse_job(line: str) -> JobInfo:
    values, begin = {}, 0
    for field, width in _FIELDS:
        value = line.encode()[begin : begin + width].decode(errors="replace").strip()
        values[field] = "" if value in {"(null)", "None", "N/A"} else value
        begin += width
    state, reason = _STATES.get(values["State"], JobState.RUNNING), values["Reason"]
    return JobInfo(
        values["JobID"],
        values["Name"],
        state,
        values["State"],
        reason,
        int(values["RestartCnt"] or 0),
        values["NodeList"],
        values["Comment"],
        values["Cluster"],
        parse_time(values["TimeLimit"]),
        state is JobState.PENDING and _HOPELESS.fullmatch(reason.strip("()")) is not None,
    )


def parse_time(text: str) -> Optional[float]:
    """Return the seconds of a time as Slurm writes it, None for words such as UNLIMITED.

    >>> parse_time("4:57"), parse_time("1:02:03"), parse_time("2-01:02:03"), parse_time("UNLIMITED")
    (297.0, 3723.0, 176523.0, None)
    """
    match = re.match(r"(?:(?:(\d+)-)?(\d+):)?(\d+):(\d+)$", text)
    if not match:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
