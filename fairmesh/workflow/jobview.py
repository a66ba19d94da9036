"""What the rules ask inside a job of an executor: one experiment.json is read, and nothing is expanded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairmesh.files import read_json
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.workflow.targets import Target, Wildcards, marker_name


class JobView:
    """The view of one job.

    Parameters
    ----------
    config : mapping
        Snakemake's ``config``, which the main process has checked.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.results = str(config.get("results", "results"))
        self.resource_names: list[str] = []

    def experiment(self, wildcards: Wildcards) -> Target:
        """Give an experiment's target."""
        paths = StudyPaths(Path(self.results), wildcards.study)
        record = paths.record(wildcards.machine, wildcards.experiment)
        return _target("experiment", record, paths.job(wildcards.machine, wildcards.experiment), paths)

    def stage(self, wildcards: Wildcards) -> Target:
        """Give a shared stage's target."""
        paths = StudyPaths(Path(self.results), wildcards.study)
        found = next((paths.home / "stages").glob(f"*/{wildcards.stage}"))
        return _target("stage", paths.stage_marker(wildcards.stage), JobPaths(found), paths)

    def force(self, target: Target) -> int:
        """Tell nothing: whether to run again is decided in the main process."""
        return 0

    def start(self) -> None:
        """Prepare nothing."""

    def end(self, exit_code: int) -> None:
        """Close nothing."""


def _target(rule: str, output: Path, job: JobPaths, paths: StudyPaths) -> Target:
    content = read_json(job.experiment)
    markers = [paths.stage_marker(marker_name(*need)) for need in content["stages"].items()]
    return Target(
        rule=rule,
        output=str(output),
        folder=str(job.folder),
        fingerprint=content["fingerprint"],
        inputs=[str(marker) for marker in markers if marker.exists()],
        resources=content["resources"],
        exclusive=content["measure"] == "exclusive",
        conda=content["conda"],
    )
