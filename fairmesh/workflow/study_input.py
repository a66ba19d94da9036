"""Read the input of a run: configuration, plan and paths. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from fairmesh.api.upgrade import version_notice
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.templates import Templates
from fairmesh.runner import jsonfiles
from fairmesh.study import Plan
from fairmesh.study.settings import Config
from fairmesh.workflow import configuration
from fairmesh.workflow.configuration import Configuration
from fairmesh.workflow.folders import Folders, job_templates, plan_document
from fairmesh.workflow.run import check_inodes
from fairmesh.workflow.run_machines import RunMachines


@dataclass(frozen=True)
class StudyInput:
    """The checked input of a run.

    Parameters
    ----------
    configuration : Configuration
        The configuration, overridden by profile and command line.
    plan : Plan
        The expanded study.
    paths : StudyPaths
        The study's files.
    project : Path
        The project folder.
    """

    configuration: Configuration
    plan: Plan
    paths: StudyPaths
    project: Path

    @classmethod
    def read(cls, overrides: Mapping[str, Any], project: Path) -> StudyInput:
        """Read and check the input.

        Raises
        ------
        InputError
            With all errors in configuration, study and application.
        FairmeshError
            If no more files can be created.
        """
        checked = configuration.read(overrides, project)
        results = Path(checked.config.results)
        for folder in (Path(), results):
            check_inodes(folder)
        checked.check_site()
        plan = checked.plan()
        return cls(checked, plan, StudyPaths(results, plan.study), project)

    @property
    def config(self) -> Config:
        """The values of the configuration."""
        return self.configuration.config

    @property
    def site(self) -> Path:
        """The folder of the website."""
        return Path(self.config.site)

    @property
    def reruns_other_code(self) -> bool:
        """Whether results that were measured with other code are measured again."""
        return (self.plan.on_code_change or self.config.on_code_change) == "rerun"

    @cached_property
    def folders(self) -> Folders:
        """The job folders of the plan."""
        publisher, machines = self.config.publisher, self.machines.by_name
        return Folders(self.plan, self.paths, self.project, publisher=publisher, machines=machines)

    @property
    def machines(self) -> RunMachines:
        """The machines."""
        return self.configuration.machines

    @cached_property
    def templates(self) -> dict[str, Templates]:
        """The templates of job.sh on each machine."""
        file, names = self.machines.file, self.plan.all_machines
        return {name: job_templates(self.plan, self.project, file, name, self.machines[name]) for name in names}

    @cached_property
    def document(self) -> dict[str, Any]:
        """The content of plan.json."""
        return plan_document(self.plan, self.config, self.folders.code_hash.sha256)

    def warnings(self) -> Iterator[str]:
        """Yield warnings: of the plan, about the version of the project, and about another study of this name."""
        yield from self.plan.warnings
        yield from filter(None, [version_notice(self.project)])
        before = str((jsonfiles.read_map(str(self.paths.plan)) or {}).get("source") or "")
        source = Path(before).resolve()
        if before and source != self.plan.source.resolve() and source.exists() and not self._is_of_a_copy(source):
            name = self.plan.study
            yield f"{self.plan.source}: 'study': the results of {name} are those of {before}; choose another name"

    def _is_of_a_copy(self, source: Path) -> bool:
        """Return whether a study file belongs to another copy of this project, of which these results are a clone."""
        project = self.project.resolve()
        return self.paths.home.resolve().is_relative_to(project) and not source.is_relative_to(project)
