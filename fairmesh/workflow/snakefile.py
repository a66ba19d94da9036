"""The interface of the workflow and its rules; the project is the folder in which Snakemake works.

The main process opens a session with the whole plan. A job of an executor reads the Snakefile again: it opens a view
of one experiment.json, so this module has few imports.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairmesh.user import user
from fairmesh.workflow.targets import ResourceFunction, Target, Wildcards, clear_errors, resource_functions

if TYPE_CHECKING:
    from fairmesh.workflow.session import Session
from collections.abc import Callable, Mapping

from fairmesh.errors import InputError, Problem
from fairmesh.files import expand_path, read_json
from fairmesh.installed import SNAKEFILE
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.project import CONFIG, project_folder
from fairmesh.runner.protocol import EXPERIMENTS, STAGES, marker_name
from fairmesh.schedulers import job_scheduler


def check_configuration(workflow: Any) -> None:
    """Check config/config.yaml before Snakemake's reader does, which lets duplicate keys pass."""
    if workflow.is_main_process:
        with clear_errors():
            from fairmesh.study.settings import load_config  # noqa: PLC0415  not inside jobs

            _check_installation(SNAKEFILE.parent)
            project = _project()
            os.environ.setdefault("LOGNAME", user())  # Snakemake needs a user name, which may be missing in a container
            load_config(project / CONFIG)


def _project() -> Path:
    """Return the project, in whose folder Snakemake must run.

    Raises
    ------
    InputError
        If this folder is not a project, with the nearest one above it.
    """
    here = Path.cwd()
    project = project_folder()
    if project != here:
        raise InputError([Problem(f"there is no {CONFIG} in {here}; start Snakemake in the project: cd {project}")])
    return project


def _check_installation(folder: Path) -> None:
    """Check that the path of the workflow has no braces, which Snakemake would read as wildcards."""
    if {"{", "}"} & {*str(folder)}:
        message = "fairmesh is installed in a folder with { or } in its path, which Snakemake cannot read"
        raise InputError([Problem(message, str(folder))])


def open_view(workflow: Any) -> Session | JobView:
    """Return the interface of the rules: the whole plan in the main process, one experiment.json inside a job."""
    if not workflow.is_main_process:
        return JobView(workflow.config)
    with clear_errors():
        from fairmesh.workflow.session import Session  # noqa: PLC0415  not inside jobs

        return Session.open(workflow, _project())


class JobView:
    """The view of one job.

    Parameters
    ----------
    config : mapping
        Snakemake's ``config``, which the main process has checked.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.results = expand_path(str(config.get("results", "results")))
        self.targets: list[str] = []  # a job is started for its own output

    def experiment(self, wildcards: Wildcards) -> Target:
        """Return an experiment's target."""
        paths = StudyPaths(Path(self.results), wildcards.study)
        record = paths.record(wildcards.machine, wildcards.experiment)
        return _target(EXPERIMENTS, record, paths.job(wildcards.machine, wildcards.experiment), paths)

    def must_run(self, wildcards: Wildcards) -> bool:
        """Return True: the main process has decided to run the job."""
        return True

    def stage(self, wildcards: Wildcards) -> Target:
        """Return a shared stage's target."""
        paths = StudyPaths(Path(self.results), wildcards.study)
        folder = next((paths.home / "stages").glob(f"*/{wildcards.stage}"))
        return _target(STAGES, paths.stage_marker(wildcards.stage), JobPaths(folder), paths)

    def resource_functions(self, find: Callable[[Wildcards], Target]) -> dict[str, ResourceFunction]:
        """Return the functions of the resources of a job step."""
        return resource_functions(_OF_THE_STEP, find, {})

    def threads(self, target: Target) -> int:
        """Return the number of threads: 1 for an exclusive job, whose resources the executor sets."""
        return target.threads(exclusive=1)

    def force(self, target: Target) -> int:
        """Return 0: the main process decides whether to run again."""
        return 0

    def start(self) -> None:
        """No-op inside a job."""

    def end(self, exit_code: int) -> None:
        """No-op inside a job."""


_OF_THE_STEP = ("cpus_per_gpu", "cpus_per_task", "nodes", "tasks")


def _target(kind: str, output: Path, job: JobPaths, paths: StudyPaths) -> Target:
    content = read_json(job.experiment)
    resources, exclusive = content["resources"], content["measure"] == "exclusive"
    scheduler = job_scheduler()
    if scheduler:
        resources = scheduler.rule_resources(resources, exclusive, inner_snakemake=True)
    markers = [paths.stage_marker(marker_name(*need)) for need in content["stages"].items()]
    return Target(
        kind=kind,
        machine=str(content["machine"]),
        output=str(output),
        folder=str(job.folder),
        fingerprint=content["fingerprint"],
        inputs=[str(marker) for marker in markers if marker.exists()],
        resources=resources,
        exclusive=exclusive,
        conda=content["conda"],
    )
