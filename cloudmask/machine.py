"""The processors and memory available to this process."""

from __future__ import annotations

import os
from pathlib import Path


def allowed_cpus() -> int:
    """Return the number of processors that the scheduler or `taskset` allows, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory() -> int:
    """Return the bytes of memory available on the machine and in the process's control group.

    This is known on Linux only; on other systems the result is a terabyte, and the user should set `tile`.
    """
    limits = [1 << 40, *_meminfo(), *_control_group()]
    return max(min(limits), 0)


def _meminfo(path: Path = Path("/proc/meminfo")) -> list[int]:
    try:
        lines = dict(line.split(":", 1) for line in path.read_text().splitlines())
        return [int(lines["MemAvailable"].split()[0]) << 10]
    except (OSError, KeyError, ValueError):
        return []


def _control_group(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> list[int]:
    """Return the bytes left in the process's control group (version 2) and in each of its parents."""
    try:
        name = next(line for line in membership.read_text().splitlines() if line.startswith("0::"))[3:].lstrip("/")
    except (OSError, StopIteration):
        return []
    folder, left = root / name, []
    for group in (folder, *folder.parents):
        if root not in (group, *group.parents):
            break
        try:
            limit, used = (int((group / f"memory.{what}").read_text()) for what in ("max", "current"))
        except (OSError, ValueError):  # no such file, or no limit ("max")
            continue
        left.append(limit - used + _reclaimable(group))
    return left


def _reclaimable(group: Path) -> int:
    """Return the bytes of the group's inactive page cache, which the kernel frees when needed."""
    try:
        lines = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return int(lines["inactive_file"])
    except (OSError, KeyError, ValueError):
        return 0
