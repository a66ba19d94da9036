"""The scheduler's job that this process runs in, as its environment and its processes tell."""

import os

from . import processes


def job() -> str:
    """Return the number of the job that this process runs in, an empty text outside of any; LSF's too."""
    return os.environ.get("SLURM_JOB_ID") or os.environ.get("LSB_JOBID") or ""


def cluster() -> str:
    """Return the name of the cluster of Slurm's that this process has its job from, an empty text outside of any."""
    return os.environ.get("SLURM_CLUSTER_NAME", "") if job() else ""


def memory() -> int:
    """Return the bytes of memory that the job on this node may use, 0 if that is not known."""
    node, cpu, cpus = (
        int(found) if found.isdigit() else 0
        for found in (os.environ.get("SLURM_" + name, "") for name in ("MEM_PER_NODE", "MEM_PER_CPU", "CPUS_ON_NODE"))
    )
    return (node or cpu * cpus) * 1024 * 1024 if cluster() else 0


def restart() -> int:
    """Return how often the job was put back into the queue before."""
    return int(os.environ.get("SLURM_RESTART_COUNT") or 0)


def age() -> float:
    """Return the seconds since the first process that is found of this process's job."""
    began, pid = "", os.getpid()
    while pid > 1 and f"SLURM_JOB_ID={job()}" in processes.read(f"/proc/{pid}/environ").split("\0"):
        fields = processes.read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        pid, began = int(fields[1]), fields[19]
    uptime = processes.read("/proc/uptime").split()
    return max(0.0, float(uptime[0]) - int(began) / processes.TICK) if began and uptime else 0.0
