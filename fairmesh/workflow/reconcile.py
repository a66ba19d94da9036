"""Reconcile the results folder with the plan before a run, and find active jobs of earlier runs.

Outdated records and markers are moved aside, and lost ones are restored. Snakemake's trigger on parameters ignores
records without Snakemake's metadata (of an orphan, or copied), so fingerprints are compared here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.jobs import lookup
from fairmesh.jobs.lookup import FolderState
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.runner.protocol import EXPERIMENTS, RECORDS, marker_name
from fairmesh.study import Experiment, Plan, StageInstance
from fairmesh.study.values import FRAMEWORK_AXES
from fairmesh.workflow import orphans
from fairmesh.workflow.internals import remove_locks
from fairmesh.workflow.orphans import Orphans, PendingJob
from fairmesh.workflow.probing import Probes
from fairmesh.workflow.study_input import StudyInput


@dataclass(frozen=True)
class Reconciliation:
    """The state of a study when a run starts.

    Parameters
    ----------
    marked : set of str
        The fingerprints of the stages that have a marker or will get one.
    pending : list of PendingJob
        The jobs without a result.
    orphans : Orphans
        The active jobs of earlier runs.
    probes : Probes
        The experiments that run first, and the jobs that wait for them.
    detached : list of Path
        The records that stay although a stage that they were made from is made again for others.
    """

    marked: set[str]
    pending: list[PendingJob]
    orphans: Orphans
    probes: Probes
    detached: list[Path] = field(default_factory=list)

    @classmethod
    def unknown(cls, study: StudyInput) -> Reconciliation:
        """Return the state that is assumed if another run holds the lock: no pending or active jobs."""
        return cls(set(study.plan.stages), [], Orphans({}), Probes(study.paths))


def reconcile(study: StudyInput, run_folder: Path) -> Reconciliation:
    """Reconcile the results with the plan after a crash or a change; the caller holds the study's lock.

    Parameters
    ----------
    study : StudyInput
        The study.
    run_folder : Path
        The folder of the new run.
    """
    plan, paths = study.plan, study.paths
    remove_locks(Path(".snakemake/locks"), paths.folder)
    lookup.remove_half_written(paths, plan.machines)
    outstanding = experiments(plan, paths)
    marked = stages(plan, paths, outstanding)
    pending = list(study.folders.pending_jobs(outstanding, marked))
    known_orphans = orphans.find(paths, pending)
    if not (study.site / "index.html").exists():
        paths.published.unlink(missing_ok=True)
    probes = Probes(paths)
    if study.config.probe:
        probes = Probes.of(plan, paths, outstanding, known_orphans.jobs, run_folder)
    unmade = {name for machine, name in (job.name for job in pending) if not machine}
    detached = list(_records_made_from(unmade, plan, paths)) if unmade else []
    return Reconciliation(marked, pending, known_orphans, probes, detached)


def _records_made_from(markers: set[str], plan: Plan, paths: StudyPaths) -> Iterator[Path]:
    for experiment in plan.selected:
        record = paths.record(experiment.machine, experiment.id)
        if markers & {marker_name(*need) for need in experiment.stages.items()} and record.exists():
            yield record


def experiments(plan: Plan, paths: StudyPaths) -> list[Experiment]:
    """Reconcile the records of the selected experiments with the plan.

    A record with another fingerprint is moved aside. A missing record is restored from its commit, or copied from an
    earlier result with the same fingerprint and framework axes under another id.

    Returns
    -------
    list of Experiment
        The experiments without a record.
    """
    if not any(paths.folder.joinpath(name).is_dir() for name in (EXPERIMENTS, RECORDS)):
        return plan.selected  # a first run, perhaps of ten thousand experiments
    outstanding = [experiment for experiment in plan.selected if not _is_done(experiment, paths)]
    previous = previous_results(plan, paths) if outstanding else {}
    return [experiment for experiment in outstanding if not _is_reused(experiment, paths, previous)]


def _is_done(experiment: Experiment, paths: StudyPaths) -> bool:
    name = (experiment.machine, experiment.id)
    return _is_in_line(paths.record(*name), paths.job(*name), experiment.fingerprint)


def previous_results(plan: Plan, paths: StudyPaths) -> dict[str, dict[str, Any]]:
    """Return the results that the plan no longer names, by machine and framework key."""
    planned = frozenset(experiment.id for experiment in plan.experiments)
    return {
        f"{machine} {key}": record
        for machine in plan.machines
        for key, record in lookup.read_previous_results(
            paths.record(machine, "").parent, planned, FRAMEWORK_AXES
        ).items()
    }


def find_previous_result(experiment: Experiment, previous: Mapping[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Return the earlier result that can be reused for an experiment, if there is one."""
    if not previous:
        return None
    key = lookup.framework_key(experiment.fingerprint, experiment.axes, FRAMEWORK_AXES)
    return previous.get(f"{experiment.machine} {key}")


def _is_reused(experiment: Experiment, paths: StudyPaths, previous: Mapping[str, dict[str, Any]]) -> bool:
    record = find_previous_result(experiment, previous)
    if record is None:
        return False
    job = paths.job(experiment.machine, experiment.id)
    if job.attempts.exists():
        return False
    lookup.adopt(
        paths.job(experiment.machine, record["id"]),
        record,
        job,
        {"id": experiment.id, "key": experiment.key, "axes": experiment.axes},
    )
    files.copy_file(job.commit, paths.record(experiment.machine, experiment.id))
    return True


def stages(plan: Plan, paths: StudyPaths, outstanding: Iterable[Experiment]) -> set[str]:
    """Reconcile the markers of the shared stages with the plan.

    A committed stage gets a marker; the marker of a needed stage without a commit is moved aside. Stages that are not
    needed are left alone, so that deleting a large stage of a finished study does not start anything.

    Returns
    -------
    set of str
        The fingerprints of the stages that have a marker or will get one.
    """
    has_marker: dict[str, bool] = {}

    def check_marker(stage: StageInstance, is_needed: bool = True) -> bool:
        name, fingerprint = marker_name(stage.name, stage.fingerprint), stage.fingerprint
        job = paths.stage_job(plan.application.name, name)
        has_marker[fingerprint] = _is_in_line(paths.stage_marker(name), job, fingerprint, is_needed)
        return has_marker[fingerprint]

    needed = plan.needed_stages(outstanding, check_marker)
    for fingerprint in plan.stages.keys() - has_marker.keys():
        check_marker(plan.stages[fingerprint], is_needed=False)
    marked = {fingerprint for fingerprint, is_there in has_marker.items() if is_there}
    return marked | {stage.fingerprint for stage in needed}


def _is_in_line(copy: Path, job: JobPaths, fingerprint: str, must_be_there: bool = False) -> bool:
    """Reconcile a record or marker with its commit; return whether it is valid then.

    A restored copy keeps the time of the commit, so that files made from it stay up to date.
    """
    if lookup.is_current(copy, fingerprint):
        if not must_be_there or lookup.folder_state(job, fingerprint) is FolderState.COMMIT:
            return True
        lookup.move_aside(copy)
        return False
    if copy.exists():
        lookup.move_aside(copy)
    if lookup.folder_state(job, fingerprint) is not FolderState.COMMIT:
        return not must_be_there and lookup.restore_record(copy, fingerprint)
    lookup.remove_leftovers(job)
    files.copy_file(job.commit, copy)
    return True
