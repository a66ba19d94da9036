"""What the rules ask inside a job of an executor: one experiment.json is read, and nothing is expanded."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from fairmesh.files import expand_path, read_json
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.workflow import on_slurm
from fairmesh.workflow.targets import ResourceFunction, Target, Wildcards, marker_name, resource_functions


class JobView:
    """The view of one job.

    Parameters
    ----------
    config : mapping
        Snakemake's ``config``, which the main process has checked.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.results = expand_path(str(config.get("results", "results")))

    def experiment(self, wildcards: Wildcards) -> Target:
        """Return an experiment's target."""
        paths = StudyPaths(Path(self.results), wildcards.study)
        record = paths.record(wildcards.machine, wildcards.experiment)
        return _target("experiment", record, paths.job(wildcards.machine, wildcards.experiment), paths)

    def stage(self, wildcards: Wildcards) -> Target:
        """Return a shared stage's target."""
        paths = StudyPaths(Path(self.results), wildcards.study)
        found = next((paths.home / "stages").glob(f"*/{wildcards.stage}"))
        return _target("stage", paths.stage_marker(wildcards.stage), JobPaths(found), paths)

    def resource_functions(self, find: Callable[[Wildcards], Target]) -> dict[str, ResourceFunction]:
        """Return the functions of the resources that the step of a job is started with."""
        return resource_functions(_OF_THE_STEP, find, {})

    def threads(self, target: Target) -> int:
        """Return the number of threads: an exclusive job has what the executor gave it."""
        return target.threads(exclusive=1)

    def force(self, target: Target) -> int:
        """Tell nothing: whether to run again is decided in the main process."""
        return 0

    def start(self) -> None:
        """Prepare nothing."""

    def end(self, exit_code: int) -> None:
        """Close nothing."""


_OF_THE_STEP = ("cpus_per_gpu", "cpus_per_task", "nodes", "tasks")


def _target(rule: str, output: Path, job: JobPaths, paths: StudyPaths) -> Target:
    content = read_json(job.experiment)
    resources, exclusive = content["resources"], content["measure"] == "exclusive"
    if "SLURM_JOB_ID" in os.environ:
        resources = on_slurm.rule_resources(resources, exclusive, inner_snakemake=True)
    markers = [paths.stage_marker(marker_name(*need)) for need in content["stages"].items()]
    return Target(
        rule=rule,
        output=str(output),
        folder=str(job.folder),
        fingerprint=content["fingerprint"],
        inputs=[str(marker) for marker in markers if marker.exists()],
        resources=resources,
        exclusive=exclusive,
        conda=content["conda"],
    )
