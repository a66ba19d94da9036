"""The processors this process may use."""

from __future__ import annotations

import os


def allowed_cpus() -> int:
    """Count the processors that the scheduler or `taskset` allows, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
