"""Identify a process beyond its reusable number: by host, boot, PID namespace, start time and scheduler job."""

import os
import signal
import subprocess
import time
from typing import Any, Dict, List, Optional

from ..schedulers import current_job
from . import scheduler

Owner = Dict[str, Any]


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _pid_namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _boot() -> str:
    boot = _text("/proc/sys/kernel/random/boot_id")
    return boot or _output(["sysctl", "-n", "kern.boottime"])


def _output(command: List[str]) -> str:
    try:
        done = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace").strip()


def start_time(pid: int) -> str:
    """Return the start time of a living process in the system's unit, or an empty text: a zombie is not alive."""
    stat = _text(f"/proc/{pid}/stat")
    if stat:
        fields = stat.rpartition(")")[2].split()
        return "" if fields[0] in "ZX" else fields[19]
    return "" if os.path.isdir("/proc/self") else _output(["ps", "-o", "lstart=", "-p", str(pid)])


def current_process() -> Owner:
    """Return the identity of this process."""
    return describe(os.getpid())


def describe(pid: int) -> Owner:
    """Return the identity of a process of this host."""
    job = current_job()
    return {
        "host": os.uname()[1],
        "boot": _boot(),
        "pid_namespace": _pid_namespace(),
        "pid": pid,
        "start": start_time(pid),
        "process_group": os.getpgid(pid),
        "job_id": job.id if job else "",
        "restart": str(job.restarts or "") if job else "",
        "cluster": job.cluster if job else "",
    }


def is_alive(owner: Owner) -> Optional[bool]:
    """Return whether an owner still runs: True or False if that is certain, otherwise None.

    Clocks are never compared: an owner has ended if its host was rebooted, or if there is no such process in the same
    namespace. If the process is not visible from here, the scheduler knows whether its job runs.
    """
    seen = _is_seen(owner)
    if seen is not None:
        return seen
    restart = str(owner.get("restart") or 0)
    over = scheduler.is_over(
        str(owner.get("job_id") or ""), str(owner.get("cluster") or ""), int(restart) if restart.isdigit() else 0
    )
    return None if over is None else not over


def _is_seen(owner: Owner) -> Optional[bool]:
    """Return whether an owner runs, as visible from here; None for another host or namespace."""
    if owner.get("host") != os.uname()[1]:
        return None
    if owner.get("boot") != _boot():
        return False
    if owner.get("pid_namespace") != _pid_namespace() or not _is_number(owner.get("pid"), 1):
        return None
    return bool(start_time(owner["pid"])) and start_time(owner["pid"]) == owner.get("start")


def _is_number(pid: Any, least: int) -> bool:
    """Return whether this can be a process number, since a program can write anything into its folder."""
    return isinstance(pid, int) and pid >= least


def end_group(leader: Owner, grace: float = 5.0) -> None:
    """End the remaining processes of the group that a process of this host leads or led.

    A group's number is not reused while it has members, so the group of an ended leader is safe to signal. A process
    with the leader's number and another start time is a different process.
    """
    if not _is_number(leader.get("pid"), 2):
        return
    started = start_time(leader["pid"])
    if _is_seen(leader) is None or leader.get("boot") != _boot() or (started and started != leader.get("start")):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline:
            try:
                os.killpg(leader["pid"], number)
            except (ProcessLookupError, PermissionError):
                return
            time.sleep(0.05)
