"""The processors and the memory that this process may use."""

from __future__ import annotations

import os
from pathlib import Path


def allowed_cpus() -> int:
    """Count the processors that the scheduler or `taskset` allows, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def free_memory() -> int:
    """Return the bytes that this process may still use, of the machine and of its control group.

    Linux alone tells; elsewhere the answer is a terabyte, and `tile` is for a person to set.
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
    """Return what is left below the limits of version 2, of the process's own group and of all above it."""
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
        except (OSError, ValueError):  # none of that name, or "max"
            continue
        left.append(limit - used + _reclaimable(group))
    return left


def _reclaimable(group: Path) -> int:
    """Return the bytes of files in the group's cache, which count as used and are given back when needed."""
    try:
        lines = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        return int(lines["inactive_file"])
    except (OSError, KeyError, ValueError):
        return 0
