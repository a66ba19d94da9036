"""Answer the rules in Snakemake's main process."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from fairmesh.dispatch.requests import SCRIPT, request_path
from fairmesh.runner.protocol import EXPERIMENTS
from fairmesh.workflow import publishing
from fairmesh.workflow.graph import JobGraph, warn
from fairmesh.workflow.internals import SnakemakeWorkflow
from fairmesh.workflow.run import WorkflowRun
from fairmesh.workflow.run_control import RunControl
from fairmesh.workflow.run_machines import Way, slot_resources
from fairmesh.workflow.study_input import StudyInput
from fairmesh.workflow.study_lock import StudyLock
from fairmesh.workflow.targets import ResourceFunction, Target, Wildcards, resource_functions

NOBODY = "nobody"  # placeholder for a missing job number, since Snakemake drops empty arguments
LOCAL_CORES = "local_cores"  # the resource of jobs on this computer beside an executor, which has no limit of cores

FindTarget = Callable[[Wildcards], Target]


class Session:
    """The view of the rules in the main process.

    Parameters
    ----------
    snakemake : SnakemakeWorkflow
        Snakemake's own object.
    study : StudyInput
        The input of the run.
    run : WorkflowRun
        The run.
    """

    def __init__(self, snakemake: SnakemakeWorkflow, study: StudyInput, run: WorkflowRun) -> None:
        self._snakemake, self._study, self._run = snakemake, study, run
        self._plan, self._paths, self._folders = study.plan, study.paths, study.folders
        self._lock = StudyLock(study)
        self._graph = JobGraph(snakemake, study, run.folder, self._lock)
        self._control = RunControl(snakemake, study, run, self._graph, self._lock)
        self.start, self.end = self._control.start, self._control.end

    @classmethod
    def open(cls, workflow: Any, project: Path) -> Session:
        """Read the study, take its lock if it is free, and reconcile the results of earlier runs.

        Parameters
        ----------
        workflow : snakemake.workflow.Workflow
            Snakemake's own object.
        project : Path
            The project folder.

        Raises
        ------
        InputError
            With all errors in configuration, study and application.
        FairmeshError
            If no more files can be created.
        """
        snakemake = SnakemakeWorkflow(workflow)
        study = StudyInput.read(snakemake.config_overrides, project)
        for warning in study.warnings():
            warn(warning)
        _ = study.templates  # reports errors before anything is written
        session = cls(snakemake, study, WorkflowRun(study.paths, study.plan.selection, snakemake.command_line_config))
        snakemake.set_handlers_of_module(session.start, session.end)
        session._limit_slots()
        if session._lock.acquire(wait=study.config.wait):
            session._graph.reconcile()
        session._control.announcer.announce_plan()
        return session

    def _limit_slots(self) -> None:
        """Set how many jobs are on each other machine at the same time."""
        for name, resource in self._slots.items():
            self._snakemake.limit_resource(resource, self._study.machines[name].capacity)
        if self.local_machines:
            self._snakemake.limit_resource(LOCAL_CORES, self._snakemake.local_cores)

    @cached_property
    def _slots(self) -> dict[str, str]:
        return slot_resources(self._machines(Way.DISPATCHER))

    def _machines(self, way: Way) -> list[str]:
        return [name for name in self._plan.all_machines if self._study.machines.way(name) is way]

    @property
    def remote_machines(self) -> str:
        """The pattern of the machines whose jobs the dispatcher starts."""
        return _alternatives(self._machines(Way.DISPATCHER))

    @property
    def local_machines(self) -> str:
        """The pattern of the machines whose jobs run on this computer, beside the executor of the profile."""
        return _alternatives(self._machines(Way.HERE))

    @property
    def remote_stages(self) -> str:
        """The pattern of the stages that the dispatcher starts."""
        return _alternatives(self._stages(Way.DISPATCHER))

    @property
    def local_stages(self) -> str:
        """The pattern of the stages that run on this computer, beside the executor of the profile."""
        return _alternatives(self._stages(Way.HERE))

    def _stages(self, way: Way) -> list[str]:
        machines = self._machines(way)
        return [name for name, stage in self._folders.stages.items() if self._plan.machine_of(stage) in machines]

    @property
    def results(self) -> str:
        """The results folder."""
        return self._study.config.results

    @property
    def folder(self) -> str:
        """The study's folder in the results."""
        return str(self._paths.folder)

    @property
    def records(self) -> list[str]:
        """The records of all selected experiments."""
        return [str(self._paths.record(point.machine, point.id)) for point in self._plan.selected]

    @property
    def published(self) -> str:
        """The file that the publish rule writes."""
        return str(self._paths.published)

    @property
    def targets(self) -> list[str]:
        """Everything that a run makes."""
        return [*self.records, self.published]

    @property
    def probes(self) -> list[str]:
        """The records of the probes, if others wait for them."""
        return self._graph.existing.probes.records

    @property
    def marker(self) -> str:
        """The file that exists once all probes have a record."""
        return self._graph.existing.probes.marker

    @property
    def active_experiments(self) -> str:
        """The pattern of the machines of experiments that an earlier run still runs or has queued.

        It looks ahead at the id, since Snakemake compares each wildcard with a pattern of its own.
        """
        names = (f"{machine}/{name}.json" for machine, name in self._graph.existing.orphans.jobs if machine)
        alternatives = _alternatives(names)
        return f"(?=(?:{alternatives})$)[^/]+" if alternatives else ""

    @property
    def active_stages(self) -> str:
        """The pattern of the stages that an earlier run still runs or has queued."""
        return _alternatives(name for machine, name in self._graph.existing.orphans.jobs if not machine)

    def experiment(self, wildcards: Wildcards) -> Target:
        """Return the target of an experiment."""
        return self._graph.experiment(wildcards.machine, wildcards.experiment)

    def must_run(self, wildcards: Wildcards) -> bool:
        """Return whether an experiment has no result, or runs again."""
        return self._graph.must_run((wildcards.machine, wildcards.experiment))

    def stage(self, wildcards: Wildcards) -> Target:
        """Return a shared stage's target."""
        return self._graph.stage(wildcards.stage)

    def resource_functions(self, find: FindTarget) -> dict[str, ResourceFunction]:
        """Return the functions of a rule's resources."""
        scheduler = self._graph.scheduler
        names = self._folders.resource_names(self._machines(Way.EXECUTOR))
        names |= scheduler.added_resources if scheduler else frozenset()
        usual = self._snakemake.default_resources
        return resource_functions(sorted(names - {"threads"}), find, usual)

    def slot_functions(self, find: FindTarget) -> dict[str, ResourceFunction]:
        """Return the functions of the resources that count the slots of other machines.

        An exclusive experiment takes one slot too: the next one waits on the machine until it is alone there.
        """

        def function(name: str) -> ResourceFunction:
            return lambda wildcards: int(find(wildcards).machine == name)

        return {resource: function(name) for name, resource in self._slots.items()}

    def threads(self, target: Target) -> int:
        """Return the number of threads; jobs of a scheduler that get a whole node request it by other means."""
        return target.threads(exclusive=1 if self._graph.scheduler else self._snakemake.cores)

    def local_threads(self, target: Target) -> int:
        """Return the number of threads of a job on this computer, beside the executor of the profile."""
        return target.threads(exclusive=self._snakemake.local_cores)

    def local_cores(self, target: Target) -> int:
        """Return how many cores such a job keeps from others."""
        cores = self._snakemake.local_cores
        return cores if target.exclusive else min(cores, self.local_threads(target))

    def job(self, machine: str, name: str) -> str:
        """Return the number of an earlier run's job that will make a result, or ``NOBODY``."""
        return self._graph.existing.orphans.jobs.get((machine, name)) or NOBODY

    def force(self, target: Target) -> int:
        """Return whether the user forces a job to run again: 1 or 0, as the value of a resource.

        A result that is superseded counts no more when the job starts.
        """
        return int(target.output not in self._graph.existing.again and self._graph.is_forced(target))

    @property
    def dispatch_script(self) -> str:
        """The script that requests a job of another machine, and waits for it."""
        return str(SCRIPT)

    @property
    def process(self) -> int:
        """The number of this process, whose end ends the wait."""
        return os.getpid()

    def request(self, target: Target) -> str:
        """Return the file by which a rule requests a job of another machine."""
        name = Path(target.output).stem if target.kind == EXPERIMENTS else Path(target.folder).name
        return str(request_path(self._run.folder, target.machine, target.kind, name))

    @property
    def publishing(self) -> dict[str, str]:
        """The input and output paths of the publish rule, as its resources."""
        return {
            "home": str(self._paths.home),
            "study": self._plan.study,
            "site": str(self._study.site),
            "project": str(self._study.project),
        }

    @property
    def digest(self) -> str:
        """A hash of the inputs of a publication, except the study's own records."""
        return publishing.digest(self._study.document, self._study.project, self._other_records())

    def _other_records(self) -> list[str]:
        """Return the records of other machines, which are published too."""
        machines = sorted((self._paths.folder / "records").glob("*"))
        others = [folder for folder in machines if folder.name not in self._plan.machines]
        return [str(path) for folder in others for path in sorted(folder.glob("*.json"))]


def _alternatives(names: Iterable[str]) -> str:
    """Return a regular expression that matches one of the names; empty if there are none."""
    return "|".join(map(re.escape, names))
