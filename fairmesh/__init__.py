"""fairmesh: from one study file to a published, citable benchmark.

>>> import fairmesh
>>> study = fairmesh.Study.load("quick")  # doctest: +SKIP
>>> run = fairmesh.run(study)  # doctest: +SKIP
>>> run.wait()  # doctest: +SKIP
>>> frame = fairmesh.load_results("results/quick")  # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairmesh.api import Project, Run
    from fairmesh.api.study import Study, run
    from fairmesh.results import StudyResults as Results
    from fairmesh.results.table import load_results
    from fairmesh.status import JobStatus, MachineStatus, RunStatus, StudyStatus
    from fairmesh.study import Experiment, Plan
    from fairmesh.workflow.estimate import Estimate
    from fairmesh.workflow.estimate import estimate_study as estimate

__version__ = "0.1.0"

__all__ = [
    "Estimate",
    "Experiment",
    "JobStatus",
    "MachineStatus",
    "Plan",
    "Project",
    "Results",
    "Run",
    "RunStatus",
    "Study",
    "StudyStatus",
    "estimate",
    "load_results",
    "run",
]

_MODULES = {
    "Estimate": "fairmesh.workflow.estimate",
    "Experiment": "fairmesh.study",
    "JobStatus": "fairmesh.status",
    "MachineStatus": "fairmesh.status",
    "Plan": "fairmesh.study",
    "Project": "fairmesh.api",
    "Results": "fairmesh.results:StudyResults",
    "Run": "fairmesh.api",
    "RunStatus": "fairmesh.status",
    "Study": "fairmesh.api.study",
    "StudyStatus": "fairmesh.status",
    "estimate": "fairmesh.workflow.estimate:estimate_study",
    "load_results": "fairmesh.results.table",
    "run": "fairmesh.api.study",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that jobs start without pydantic and pandas."""
    module, _, attribute = _MODULES.get(name, "").partition(":")
    if not module:
        raise AttributeError(f"module 'fairmesh' has no attribute {name!r}")
    return getattr(import_module(module), attribute or name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
