"""Build the content of job folders from a plan: the input of the runner and of the program."""

from __future__ import annotations

import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

from fairmesh.errors import InputError, Problem
from fairmesh.files import expand_path
from fairmesh.installed import installed
from fairmesh.jobs.directives import requested
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.jobs.render import JobFolder, render_command
from fairmesh.jobs.templates import Templates
from fairmesh.names import KEY_LENGTH
from fairmesh.results.owners import ResultOwner
from fairmesh.runner.protocol import EXPERIMENTS, FORMAT, STAGES, marker_name
from fairmesh.schema import Node, load_yaml
from fairmesh.study import Experiment, Plan, StageInstance
from fairmesh.study.application import Stage
from fairmesh.study.cloudmesh import application_node, check_can_run, is_cloudmesh
from fairmesh.study.find import APPLICATION, find_application
from fairmesh.study.machines import Machine
from fairmesh.study.settings import Config, Publisher
from fairmesh.submission import identity
from fairmesh.submission.repository import DIRTY, Refusal, Repository, commit_of
from fairmesh.workflow.application_copy import content_hash
from fairmesh.workflow.code_hash import CodeHash, code_hash
from fairmesh.workflow.orphans import PendingJob
from fairmesh.workflow.targets import Target

Job = TypeVar("Job", Experiment, StageInstance)
APPLICATIONS = "applications"
"""The folder of copied applications, in the home of a runner."""


class Folders:
    """The job folders of a plan.

    Parameters
    ----------
    plan : Plan
        The plan.
    paths : StudyPaths
        The study's files.
    project : Path
        The project folder.
    application : str, optional
        The path of the copied application, relative to the runner's home, if the folders are exported.
    publisher : Publisher, optional
        The publisher, for the logs.
    machines : mapping of str to Machine, optional
        The machines, with their resources and GPUs.
    """

    def __init__(
        self,
        plan: Plan,
        paths: StudyPaths,
        project: Path,
        application: str = "",
        publisher: Publisher | None = None,
        machines: Mapping[str, Machine] | None = None,
    ) -> None:
        self.plan, self.paths = plan, paths
        self.stages = {marker_name(stage.name, stage.fingerprint): stage for stage in plan.stages.values()}
        self.experiments = {(experiment.machine, experiment.id): experiment for experiment in plan.experiments}
        self._application = plan.application
        self._marker = cache(lambda name: str(paths.stage_marker(name)))
        self._project = project
        self._copy = application
        self._plain_conda = str(installed("workflow/envs/job.yaml"))
        self._last = list(plan.application.all_stages)[-1]
        self._publisher = publisher or Publisher()
        self._machines = machines or {}
        self._entry = cache(lambda name: self._machine(name).model_dump())

    def _machine(self, name: str) -> Machine:
        return self._machines.get(name) or Machine(kind="local")

    def machine_of(self, job: Experiment | StageInstance) -> str:
        """Return the machine of a job."""
        return job.machine if isinstance(job, Experiment) else self.plan.machine_of(job)

    @cached_property
    def application_copy(self) -> str:
        """The path of the copied application on other machines, relative to the runner's home."""
        if self._copy:
            return self._copy
        return f"{APPLICATIONS}/{content_hash(self._application)[:KEY_LENGTH]}/{self._application.name}"

    def _travels(self, job: Experiment | StageInstance) -> bool:
        """Return whether a job runs where only a copy of the application is."""
        return bool(self._copy) or self._machine(self.machine_of(job)).is_remote

    def _conda_of(self, job: Experiment | StageInstance) -> str:
        """Return the file of a job's conda environment: its own, the application's, or one with only the runner."""
        stage = self._stage_of(job)
        file = stage.environment.conda or self._application.environment.conda
        if self._travels(job):
            return f"{self.application_copy}/{file}" if file else ""
        return str(self._application.folder / file) if file else self._plain_conda

    def _stage_of(self, job: Experiment | StageInstance) -> Stage:
        return self._application.all_stages[job.name if isinstance(job, StageInstance) else self._last]

    def _container_of(self, job: Experiment | StageInstance) -> dict[str, Any]:
        """Return how the job's program runs in a container; empty if its machine has none, or there is no image."""
        container: dict[str, Any] = self._entry(self.machine_of(job))["container"] or {}
        environments = [self._stage_of(job).environment, self._application.environment]
        own = next((environment.container for environment in environments if environment.container), None)
        image = self.plan.container or container.get("image") or own
        return container | {"image": image, "inputs": self._inputs(job)} if container and image else {}

    def _inputs(self, job: Experiment | StageInstance) -> list[str]:
        """Return the files and folders that the job's parameters name by absolute paths."""
        parameters = self._application.parameters
        named = [name for name in job.parameters if name in parameters and parameters[name].format == "path"]
        values = [value for name in named for value in _as_list(job.parameters[name])]
        return sorted({value for value in values if isinstance(value, str) and value.startswith("/")})

    def resource_names(self, machines: Collection[str]) -> set[str]:
        """Return the names of all resources that any job on these machines requests."""
        jobs: list[Experiment | StageInstance] = [*self.experiments.values(), *self.stages.values()]
        return {name for job in jobs if self.machine_of(job) in machines for name in self._resources(job)}

    def _resources(self, job: Experiment | StageInstance) -> dict[str, Any]:
        """Return the resources that a job requests on its machine; they are not part of its fingerprint."""
        axes = job.axes if isinstance(job, Experiment) else {}
        return requested({"axes": axes, "resources": job.resources}, self._entry(self.machine_of(job)))

    def stage_job(self, name: str) -> JobPaths:
        """Return the paths of a shared stage."""
        return self.paths.stage_job(self._application.name, name)

    def pending_jobs(self, outstanding: Iterable[Experiment], marked: set[str]) -> Iterator[PendingJob]:
        """Yield the outstanding experiments, and the marked stages without a marker file."""
        for experiment in outstanding:
            name = (experiment.machine, experiment.id)
            yield PendingJob(name, self.paths.job(*name), experiment.fingerprint)
        for job in self.stage_jobs(marked):
            if not self.paths.stage_marker(job.name[1]).exists():
                yield job

    def stage_jobs(self, fingerprints: Collection[str]) -> Iterator[PendingJob]:
        """Yield the shared stages with these fingerprints."""
        for marker, stage in self.stages.items():
            if stage.fingerprint in fingerprints:
                yield PendingJob(("", marker), self.stage_job(marker), stage.fingerprint)

    def experiment_target(self, machine: str, identity: str, marked: set[str], again: Collection[str] = ()) -> Target:
        """Return the target of an experiment.

        Parameters
        ----------
        machine, identity : str
            The machine and the id of the experiment.
        marked : set of str
            The fingerprints of the stages that have a marker or will get one; these markers are the inputs.
        again : collection of str
            The records and markers that are made again.
        """
        experiment = self._planned(self.experiments, (machine, identity), f"experiment {identity!r} on {machine}")
        job, record = self.paths.job(machine, identity), self.paths.record(machine, identity)
        return self._target(record, job, experiment, experiment.stages, marked, again)

    def stage_target(self, name: str, marked: set[str], again: Collection[str] = ()) -> Target:
        """Return the target of a shared stage; the parameters are those of ``experiment_target``."""
        stage = self._planned(self.stages, name, f"stage {name!r}")
        marker, job = self.paths.stage_marker(name), self.stage_job(name)
        return self._target(marker, job, stage, stage.needs, marked, again)

    def _planned(self, known: Mapping[Any, Job], key: object, what: str) -> Job:
        if key not in known:
            raise InputError([Problem(f"study {self.plan.study} has no {what}")])
        return known[key]

    def _target(
        self,
        output: Path,
        paths: JobPaths,
        job: Experiment | StageInstance,
        needs: dict[str, str],
        marked: set[str],
        again: Collection[str],
    ) -> Target:
        markers = [self._marker(marker_name(*need)) for need in needs.items() if need[1] in marked]
        if output.exists() and str(output) not in again:
            # The result stays, even if a stage that it was made from is made again for others.
            markers = [marker for marker in markers if Path(marker).exists()]
        return Target(
            kind=EXPERIMENTS if isinstance(job, Experiment) else STAGES,
            machine=self.machine_of(job),
            output=str(output),
            folder=str(paths.folder),
            fingerprint=job.fingerprint,
            inputs=markers,
            resources=self._resources(job),
            exclusive=self.plan.measure == "exclusive",
            conda=self._conda_of(job),
        )

    def of_stage(self, name: str) -> JobFolder:
        """Return the content of the job folder of a shared stage."""
        stage = self.stages[name]
        content = self._content(name, stage, stage.needs, stage.command)
        details = {"stage": stage.name, "machine": self.machine_of(stage), "key": stage.key, "axes": {}}
        return JobFolder(self.stage_job(name), stage.parameters, content | details)

    def of_experiment(self, machine: str, name: str) -> JobFolder:
        """Return the content of the job folder of an experiment."""
        experiment = self.experiments[machine, name]
        content = self._content(name, experiment, experiment.stages, self._application.experiment_stage.command)
        details = {"machine": machine, "key": experiment.key, "axes": experiment.axes, "submission": self._submission}
        details["required"] = self._application.required_metrics
        return JobFolder(self.paths.job(machine, name), experiment.parameters, content | details)

    @cached_property
    def _submission(self) -> dict[str, str]:
        """The submission details in the log of an experiment."""
        application = identity.Application(self._application.name, self._application.version)
        return identity.of_run(application, self._application.folder, self._publisher)

    @cached_property
    def _code(self) -> dict[str, dict[str, Any]]:
        """The commits of the application and of the project; only of those in git repositories."""
        commits = {name: _code(folder) for name, folder in self._code_folders.items()}
        return {name: code for name, code in commits.items() if code}

    @property
    def _code_folders(self) -> dict[str, Path]:
        return {"application": self._application.folder, "project": self._project}

    @cached_property
    def code_hash(self) -> CodeHash:
        """The hash of the application's code."""
        return code_hash(self._application)

    def unknown_code(self) -> Iterator[str]:
        """Yield a line about each repository whose commit, and each file whose content, is not recorded."""
        for name in self.code_hash.unreadable:
            yield f"{self._application.folder / name}: the file cannot be read; only its name counts as code"
        for name, folder in self._code_folders.items():
            refusal = Refusal.of(folder)
            if refusal.why:
                yield f"the commit of the {name} is not recorded: {refusal.why}; {refusal.advice}"

    def _content(
        self, identity: str, job: Experiment | StageInstance, needs: dict[str, str], command: list[str]
    ) -> dict[str, Any]:
        where = str(self._application.folder / APPLICATION)
        return {
            "format": FORMAT,
            "study": self.plan.study,
            "id": identity,
            "parameters": job.parameters,
            "resources": self._resources(job),
            "stages": needs,
            "fingerprint": job.fingerprint,
            "application": {
                "name": self._application.name,
                "version": self._application.version,
                "folder": self.application_copy if self._travels(job) else str(self._application.folder.resolve()),
                "seed": self._application.seed or "",
                "code": self.code_hash.sha256,
            },
            "command": render_command(command, where, job.parameters, list(needs)),
            "environment": {},
            "code": self._code,
            "conda": self._conda_of(job),
            "container": self._container_of(job),
            "measure": self.plan.measure,
            "keep": self._application.keep,
        } | ({"owner": self._owner} if self._owner else {})

    @cached_property
    def _owner(self) -> dict[str, str]:
        """The owner of the results, as the configuration names it."""
        return ResultOwner.of_publisher(self._publisher.model_dump()).to_json()


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _code(folder: Path) -> dict[str, Any]:
    """Return commit and state of the code in a folder, or the reason why git cannot read them.

    The address of the repository is included unless it is a local folder.
    """
    commit = commit_of(folder)
    if not commit:
        why = Refusal.of(folder).why
        return {"unknown": why} if why else {}
    address = Repository.of(folder).address
    known = {"repository": address} if address.startswith(("https://", "http://", "ssh://", "git@")) else {}
    return {"commit": commit.removesuffix(DIRTY), "dirty": commit.endswith(DIRTY)} | known


KEY = "template"
TEMPLATES = "workflow/templates"


def job_templates(plan: Plan, project: Path, machines: Path, name: str, machine: Machine) -> Templates:
    """Return the templates of a plan's job.sh on one machine.

    Parameters
    ----------
    plan : Plan
        The plan; its application and study may have a child template.
    project : Path
        The project folder.
    machines : Path
        The file of machines.
    name, machine : str, Machine
        The machine; its scheduler determines a child template, and it may have one itself.

    Raises
    ------
    InputError
        With all missing templates, if the machine's setup is not a valid shell script, or if there is nothing to run.
    """
    check_can_run(plan)
    problems = list(_setup_problems(name, machines, machine))
    children = []
    for file, key, node in _named(plan, project, machines, name, machine):
        template = node.text or str(node.value)
        children.append(file.parent / template)
        if not children[-1].is_file():
            problems.append(Problem(f"{key!r}: there is no file {template!r}", node.place(file)))
    if problems:
        raise InputError(problems)
    return Templates.of_jobs(installed(TEMPLATES), machine.scheduler, children)


def _filled(node: Node, key: str, file: Path) -> Node:
    """Return the path in a machine's entry, with home and variables expanded."""
    try:
        return replace(node, value=expand_path(str(node.value)))
    except ValueError as error:
        raise InputError([Problem(f"{key!r} {error}", node.place(file))]) from error


def _named(plan: Plan, project: Path, machines: Path, name: str, machine: Machine) -> Iterator[tuple[Path, str, Node]]:
    """Yield the named templates, the most general first: file, key and value."""
    if machine.template is not None:
        yield (
            machines,
            f"{name}.{KEY}",
            _filled(load_yaml(machines).entries[name].entries[KEY], f"{name}.{KEY}", machines),
        )
    if plan.application.template is not None:
        named = application_node(load_yaml(plan.source)) or Node(plan.application.name)
        file = find_application(named, plan.source, project)
        yield file, KEY, load_yaml(file).entries[KEY]
    # The plan does not contain the key. Most studies do not have it and are not read again.
    if KEY in plan.source.read_text(encoding="utf-8"):
        study = load_yaml(plan.source)
        node = study.entries.get(KEY)
        if node is not None and node.value is not None and not is_cloudmesh(study):
            yield plan.source, KEY, node


def _setup_problems(name: str, file: Path, machine: Machine) -> Iterator[Problem]:
    """Yield an error for an incomplete setup, which would break the rest of job.sh."""
    if not machine.setup:
        return
    text = "\n".join(["{", *machine.setup, "}", ""])
    checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, check=False)
    if checked.returncode or checked.stderr:
        node = load_yaml(file).entries[name].entries["setup"]
        reason = checked.stderr.strip().splitlines()[0].removeprefix("bash: ")
        yield Problem(f"'{name}.setup' is no whole shell script: {reason}", node.place(file))


OF_APPLICATION = {"name", "version", "title", "licence", "authors", "citation", "description", "url", "keywords"}
DECLARED = {"parameters", "metrics", "tables"}


def plan_document(plan: Plan, config: Config, code: str) -> dict[str, Any]:
    """Return the content of plan.json; ``code`` is the hash of the application's code."""
    application = plan.application.model_dump(include=OF_APPLICATION | DECLARED, by_alias=True, exclude_none=True)
    stages = {name: stage.title for name, stage in plan.application.all_stages.items()}
    return plan.to_json() | {
        "application": application | {"stages": stages, "code": code},
        "measure": plan.measure,
        "source": str(plan.source),
        "publisher": config.publisher.model_dump(),
    }
