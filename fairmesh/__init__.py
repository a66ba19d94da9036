"""fairmesh: from one study file to a published, citable benchmark.

>>> import fairmesh
>>> study = fairmesh.Study.load("quick")  # doctest: +SKIP
>>> run = fairmesh.run(study)  # doctest: +SKIP
>>> run.wait()  # doctest: +SKIP
>>> frame = fairmesh.results("results/quick")  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairmesh.api import Project, Run
    from fairmesh.api.study import Study, run
    from fairmesh.results.frame import frame as results
    from fairmesh.results.load import StudyResults as Results
    from fairmesh.status import JobStatus, RunStatus, StudyStatus
    from fairmesh.study.plan import Experiment, Plan

__version__ = "0.1.0"

__all__ = [
    "Experiment",
    "JobStatus",
    "Plan",
    "Project",
    "Results",
    "Run",
    "RunStatus",
    "Study",
    "StudyStatus",
    "results",
    "run",
]

_HOMES = {
    "Experiment": "fairmesh.study.plan",
    "JobStatus": "fairmesh.status",
    "Project": "fairmesh.api",
    "Plan": "fairmesh.study.plan",
    "Results": "fairmesh.results.load:StudyResults",
    "Run": "fairmesh.api",
    "RunStatus": "fairmesh.status",
    "Study": "fairmesh.api.study",
    "StudyStatus": "fairmesh.status",
    "run": "fairmesh.api.study",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is used: what only starts a job must not wait for pydantic or pandas."""
    if name == "results":  # the package of that name, which can be called
        return import_module("fairmesh.results")
    home, _, real = _HOMES.get(name, "").partition(":")
    if not home:
        raise AttributeError(f"module 'fairmesh' has no attribute {name!r}")
    return getattr(import_module(home), real or name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
