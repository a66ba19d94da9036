"""Export job folders that run without Snakemake, with a script that starts them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from fairmesh import files
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.installed import installed
from fairmesh.jobs import lookup
from fairmesh.jobs.directives import batch_values
from fairmesh.jobs.lookup import FolderState
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.render import JobFolder, render, write_runner
from fairmesh.jobs.templates import Templates
from fairmesh.names import KEY_LENGTH
from fairmesh.printing import print_lines
from fairmesh.project import CONFIG
from fairmesh.runner.protocol import RUNNER, marker_name
from fairmesh.study import Plan
from fairmesh.study.machines import Machine
from fairmesh.study.settings import Config, load_config
from fairmesh.workflow import configuration
from fairmesh.workflow.application_copy import copy_application
from fairmesh.workflow.folders import APPLICATIONS, TEMPLATES, Folders, job_templates, plan_document

SUBMIT = "submit.sh"
OUT = "--out"

_SUBMIT_BASE, _SUBMIT_LOCAL, _SUBMIT_BATCH = "submit.sh.jinja", "submit-local.sh.jinja", "submit-batch.sh.jinja"


def export(plan: Plan, out: Path, project: Path) -> Path:
    """Write the selected experiments of a plan as folders that run without Snakemake.

    Parameters
    ----------
    plan : Plan
        The plan; the machine of the selected experiments determines the scheduler.
    out : Path
        The folder to write to; it can be moved afterwards.
    project : Path
        The project folder; its configuration is optional.

    Returns
    -------
    Path
        The script that starts all jobs.

    Raises
    ------
    InputError
        If the machine is unknown, there are several, a template is missing, the folder cannot be used, or the
        application is too large to be copied.
    FairmeshError
        If a file cannot be written.
    """
    plan = _for_one_machine(plan)
    machines, machine = configuration.find_machine(plan.machine, project, "--machine")
    templates = job_templates(plan, project, machines, plan.machine, machine)
    config = load_config(project / CONFIG) if (project / CONFIG).exists() else Config(study=plan.study)
    _check_place(out, project / config.results)
    try:
        return _write(plan, out, templates, machine, config, project)
    except OSError as error:
        blocked = _file_in_the_way(Path(error.filename or out))
        if blocked:
            raise InputError([Problem(f"{blocked} is a file", OUT)]) from error
        raise FairmeshError(f"{error.filename}: {error.strerror}") from error


def _for_one_machine(plan: Plan) -> Plan:
    """Return the plan with all stages on the machine of the selected experiments."""
    names = list(dict.fromkeys(experiment.machine for experiment in plan.selected))
    if len(names) > 1:
        message = f"{plan.study} is for {len(names)} machines; choose one with --where 'machine == \"{names[0]}\"'"
        raise InputError([Problem(message, str(plan.source), ", ".join(names))])
    return replace(plan, machine=names[0], stage_machines={})


def _write(plan: Plan, out: Path, templates: Templates, machine: Machine, config: Config, project: Path) -> Path:
    paths = StudyPaths(out, plan.study)
    copy = f"{APPLICATIONS}/{plan.application.name}"
    write_runner(paths.runner)
    copy_application(plan.application, out / copy)
    entry = machine.model_dump()
    lines = []
    folders = Folders(plan, paths, project, copy, config.publisher, {plan.machine: machine})
    for warning in folders.unknown_code():
        print_lines(f"warning: {warning}", file=sys.stderr)
    for job in _jobs(folders):
        if lookup.folder_state(job.paths, job.experiment["fingerprint"]) is not FolderState.COMMIT:
            render(job, templates, entry)
        lines.append(_line(job, out))
    files.write_if_changed(
        paths.plan, files.json_lines(plan_document(plan, config, folders.code_hash.sha256)), flush=True
    )
    folder = installed(TEMPLATES)
    child = _SUBMIT_LOCAL if machine.scheduler == "none" else _SUBMIT_BATCH
    script = Templates(folder, [folder / name for name in (_SUBMIT_BASE, child)])
    text = script.render(jobs=lines, **batch_values(entry))
    files.write_if_changed(paths.folder / SUBMIT, text, mode=files.PROGRAM)
    return paths.folder / SUBMIT


def _jobs(folders: Folders) -> Iterator[JobFolder]:
    """Yield the needed stages, each after its dependencies, and then the experiments."""
    plan = folders.plan
    for stage in plan.needed_stages(plan.selected):
        yield folders.of_stage(marker_name(stage.name, stage.fingerprint))
    for experiment in plan.selected:
        yield folders.of_experiment(experiment.machine, experiment.id)


def _line(job: JobFolder, out: Path) -> str:
    """Return a job's line in the script: folder, key, fingerprint, and the keys of the stages that it needs."""
    content = job.experiment
    folder = str(job.paths.folder).removeprefix(f"{out}/")
    needs = ",".join(fingerprint[:KEY_LENGTH] for fingerprint in content["stages"].values())
    return f"{folder} {content['key']} {content['fingerprint']} {needs}".rstrip()


def _check_place(out: Path, results: Path) -> None:
    """Check that the folder can be created and does not belong to the workflow."""
    real = out.resolve()
    blocked = _file_in_the_way(real)
    if blocked:
        raise InputError([Problem(f"{blocked} is a file", OUT)])
    for parent in real.parents:
        if parent == results.resolve() or (parent / RUNNER).exists():
            raise InputError([Problem(f"{out} is inside the results folder {parent}", OUT)])
    if real == results.resolve() or any(real.glob("*/run.lock")):
        raise InputError([Problem(f"{out} is a results folder of the workflow; name another one", OUT)])


def _file_in_the_way(folder: Path) -> Path | None:
    """Return the file at the path of this folder or a parent folder, if there is one."""
    return next((path for path in (folder, *folder.parents) if path.exists() and not path.is_dir()), None)
