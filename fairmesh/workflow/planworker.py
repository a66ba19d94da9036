"""A process that makes plans, one after another: ``python -m fairmesh.workflow.planworker``, which `Planner` starts.

A line of JSON comes in for each plan, and a line goes out. Memory and time are limited by the system.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fairmesh.api import Project
from fairmesh.errors import FairmeshError, InputError
from fairmesh.workflow.planning import PlanRequest, preview

LARGE = 256 << 10  # KiB: after a plan that took as much, a new process is smaller
NICE = 5  # who asks how a study stands comes first


def main() -> int:
    """Make plans until nobody asks any more, or one has taken much memory."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints by chance prints elsewhere
    os.nice(NICE)
    small = max(LARGE, _peak())  # the peak of whoever started this process counts as well
    for line in sys.stdin:
        found = _answer(json.loads(line))
        found["is_last"] = _peak() > small or "memory" in found
        answers.write(json.dumps(found) + "\n")
        answers.flush()
        signal.alarm(0)
        if found["is_last"]:
            break
    return 0


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _limit(seconds: int, memory: int) -> None:
    signal.alarm(seconds)  # ends this process, also when nobody is left to do it
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    with contextlib.suppress(ValueError, OSError):  # less is allowed already
        resource.setrlimit(resource.RLIMIT_AS, (memory, hard))


def _answer(order: Mapping[str, Any]) -> dict[str, Any]:
    _limit(order["seconds"], order["memory"])
    project = Project(*(Path(order["project"][name]) for name in ("folder", "root", "results")))
    try:
        return {"plan": preview(project, PlanRequest(**order["request"])).to_json()}
    except InputError as error:
        return {"problems": [asdict(each) for each in error.problems]}
    except FairmeshError as error:
        return {"error": str(error)}
    except MemoryError:
        return {"memory": order["memory"]}


if __name__ == "__main__":
    sys.exit(main())
