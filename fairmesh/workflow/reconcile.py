"""Reconcile the results folder with the plan before a run, and find active jobs of earlier runs.

Outdated records and markers are moved aside, and lost ones are restored. Snakemake's trigger on parameters ignores
records without Snakemake's metadata (of an orphan, or copied), so fingerprints are compared here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.dispatch.placed import is_placed
from fairmesh.jobs import lookup
from fairmesh.jobs.lookup import FolderState
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.runner.protocol import EXPERIMENTS, RECORDS, marker_name
from fairmesh.status.events import Name
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
        The jobs without a result, except those on other machines, which the dispatcher asks about.
    orphans : Orphans
        The active jobs of earlier runs.
    probes : Probes
        The experiments that run first, and the jobs that wait for them.
    detached : list of Path
        The records that stay although a stage that they were made from is made again for others.
    must_run : frozenset of tuple
        Machine and id of the experiments without a result, and of those that run again.
    again : mapping of str to PendingJob
        The jobs that run again although they have a result, by their record or marker.
    other_code : list of str
        The environments of the results that stay although they were measured with other code.
    """

    marked: set[str]
    pending: list[PendingJob]
    orphans: Orphans
    probes: Probes
    detached: list[Path] = field(default_factory=list)
    must_run: frozenset[Name] = frozenset()
    again: Mapping[str, PendingJob] = field(default_factory=dict)
    other_code: list[str] = field(default_factory=list)

    @classmethod
    def unknown(cls, study: StudyInput) -> Reconciliation:
        """Return the state that is assumed if another run holds the lock: no pending or active jobs."""
        return cls(set(study.plan.stages), [], Orphans({}), Probes(study.paths))


def reconcile(study: StudyInput, run_folder: Path, forced: Collection[Name] = ()) -> Reconciliation:
    """Reconcile the results with the plan after a crash or a change; the caller holds the study's lock.

    Parameters
    ----------
    study : StudyInput
        The study.
    run_folder : Path
        The folder of the new run.
    forced : collection of tuple
        Machine and id of the experiments that the user forces to run again.
    """
    plan, paths, folders = study.plan, study.paths, study.folders
    remove_locks(Path(".snakemake/locks"), paths.folder)
    lookup.remove_half_written(paths, plan.machines)
    code = folders.code_hash.sha256
    missing, again, other_code = _sort(study, experiments(plan, paths, code), forced)
    outstanding = [*missing, *again]
    marked, outdated = stages(plan, paths, outstanding, code if again or study.reruns_other_code else "")
    pending = list(folders.pending_jobs(missing, marked))
    unmade = {name for machine, name in (job.name for job in pending) if not machine}
    elsewhere = [job for job in pending if _is_remote(study, job)]
    pending = [job for job in pending if job not in elsewhere]
    known_orphans = orphans.find(paths, pending)
    if not (study.site / "index.html").exists():
        paths.published.unlink(missing_ok=True)
    probes = Probes(paths)
    if study.config.probe:
        active = {job.name for job in elsewhere if is_placed(job.paths, job.fingerprint)} | known_orphans.jobs.keys()
        probes = Probes.of(plan, paths, outstanding, active, run_folder)
    detached = list(_records_made_from(unmade, plan, paths)) if unmade else []
    superseded = {str(paths.record(*job.name)): job for job in folders.pending_jobs(again, set())}
    superseded |= {str(paths.stage_marker(job.name[1])): job for job in folders.stage_jobs(outdated)}
    must_run = frozenset((experiment.machine, experiment.id) for experiment in outstanding)
    return Reconciliation(marked, pending, known_orphans, probes, detached, must_run, superseded, other_code)


def _is_remote(study: StudyInput, job: PendingJob) -> bool:
    """Return whether the dispatcher starts a job."""
    machine, name = job.name
    return study.machines.is_remote(machine or study.plan.machine_of(study.folders.stages[name]))


def _records_made_from(markers: set[str], plan: Plan, paths: StudyPaths) -> Iterator[Path]:
    for experiment in plan.selected:
        record = paths.record(experiment.machine, experiment.id)
        if markers & {marker_name(*need) for need in experiment.stages.items()} and record.exists():
            yield record


@dataclass(frozen=True, slots=True)
class ExistingResult:
    """The result of a selected experiment.

    Parameters
    ----------
    has_other_code : bool
        Whether it was measured with other code than the current one.
    environment : str
        The name of its environment's file.
    """

    has_other_code: bool
    environment: str

    @classmethod
    def of(cls, record: Mapping[str, Any], code: str) -> ExistingResult:
        """Return the result in a record."""
        return cls(lookup.has_other_code(record, code), str(record.get("environment") or ""))


def _sort(
    study: StudyInput, results: Iterable[ExistingResult | None], forced: Collection[Name]
) -> tuple[list[Experiment], list[Experiment], list[str]]:
    """Return the experiments without a result, those that run again, and the environments of others with other code."""
    missing, again, other_code = [], [], []
    reruns_other_code = study.reruns_other_code
    for experiment, result in zip(study.plan.selected, results, strict=True):
        if result is None:
            missing.append(experiment)
        elif (
            study.config.again
            or (experiment.machine, experiment.id) in forced
            or (reruns_other_code and result.has_other_code)
        ):
            again.append(experiment)
        elif result.has_other_code:
            other_code.append(result.environment)
    return missing, again, other_code


def experiments(plan: Plan, paths: StudyPaths, code: str) -> list[ExistingResult | None]:
    """Reconcile the records of the selected experiments with the plan.

    A record with another fingerprint is moved aside. A missing record is restored from its commit, or copied from an
    earlier result with the same fingerprint and framework axes under another id.

    Parameters
    ----------
    plan, paths : Plan, StudyPaths
        The study.
    code : str
        The hash of the application's code.

    Returns
    -------
    list of ExistingResult or None
        The result of each selected experiment, if it has one.
    """
    if not any(paths.folder.joinpath(name).is_dir() for name in (EXPERIMENTS, RECORDS)):
        return [None] * len(plan.selected)  # a first run, perhaps of ten thousand experiments
    results = [_own_result(experiment, paths, code) for experiment in plan.selected]
    previous = previous_results(plan, paths) if None in results else {}
    return [
        result or _reused_result(experiment, paths, previous, code)
        for experiment, result in zip(plan.selected, results, strict=True)
    ]


def _own_result(experiment: Experiment, paths: StudyPaths, code: str) -> ExistingResult | None:
    name = (experiment.machine, experiment.id)
    record = _current_result(paths.record(*name), paths.job(*name), experiment.fingerprint)
    return ExistingResult.of(record, code) if record else None


def previous_results(plan: Plan, paths: StudyPaths) -> dict[str, dict[str, Any]]:
    """Return the results that the plan no longer names, by machine and framework key."""
    planned: dict[str, set[str]] = {machine: set() for machine in plan.machines}
    for experiment in plan.experiments:
        planned[experiment.machine].add(experiment.id)
    return {
        f"{machine} {key}": record
        for machine, ids in planned.items()
        for key, record in lookup.read_previous_results(paths.record(machine, "").parent, ids, FRAMEWORK_AXES).items()
    }


def find_previous_result(experiment: Experiment, previous: Mapping[str, dict[str, Any]]) -> dict[str, Any] | None:
    """Return the earlier result that can be reused for an experiment, if there is one."""
    if not previous:
        return None
    key = lookup.framework_key(experiment.fingerprint, experiment.axes, FRAMEWORK_AXES)
    return previous.get(f"{experiment.machine} {key}")


def _reused_result(
    experiment: Experiment, paths: StudyPaths, previous: Mapping[str, dict[str, Any]], code: str
) -> ExistingResult | None:
    record = find_previous_result(experiment, previous)
    if record is None:
        return None
    job = paths.job(experiment.machine, experiment.id)
    if lookup.has_begun(job):
        return None
    lookup.adopt(
        paths.job(experiment.machine, record["id"]),
        record,
        job,
        {"id": experiment.id, "key": experiment.key, "axes": experiment.axes},
    )
    files.copy_file(job.commit, paths.record(experiment.machine, experiment.id))
    return ExistingResult.of(record, code)


def stages(
    plan: Plan, paths: StudyPaths, outstanding: Iterable[Experiment], code: str = ""
) -> tuple[set[str], set[str]]:
    """Reconcile the markers of the shared stages with the plan.

    A committed stage gets a marker; the marker of a needed stage without a commit is moved aside. Stages that are not
    needed are left alone, so that deleting a large stage of a finished study does not start anything.

    Parameters
    ----------
    plan, paths, outstanding
        The study, and its experiments that will run.
    code : str
        The hash of the code with which needed stages must have been made; empty if any will do.

    Returns
    -------
    tuple of set of str
        The fingerprints of the stages that have a marker or will get one, and of those that must run again.
    """
    has_marker: dict[str, bool] = {}
    outdated: set[str] = set()

    def check_marker(stage: StageInstance, is_needed: bool = True) -> bool:
        name, fingerprint = marker_name(stage.name, stage.fingerprint), stage.fingerprint
        job = paths.stage_job(plan.application.name, name)
        result = _current_result(paths.stage_marker(name), job, fingerprint, is_needed)
        has_marker[fingerprint] = result is not None
        if result and is_needed and lookup.has_other_code(result, code):
            outdated.add(fingerprint)
        return result is not None and fingerprint not in outdated

    needed = plan.needed_stages(outstanding, check_marker)
    for fingerprint in plan.stages.keys() - has_marker.keys():
        check_marker(plan.stages[fingerprint], is_needed=False)
    marked = {fingerprint for fingerprint, is_there in has_marker.items() if is_there}
    return marked | {stage.fingerprint for stage in needed}, outdated


def _current_result(copy: Path, job: JobPaths, fingerprint: str, must_be_there: bool = False) -> dict[str, Any] | None:
    """Reconcile a record or marker with its commit; return its content if it is valid then.

    A restored copy keeps the time of the commit, so that files made from it stay up to date.
    """
    result = lookup.read_current(copy, fingerprint)
    if result:
        if not must_be_there or lookup.folder_state(job, fingerprint) is FolderState.COMMIT:
            return result
        lookup.move_aside(copy)
        return None
    if copy.exists():
        lookup.move_aside(copy)
    if lookup.folder_state(job, fingerprint) is FolderState.COMMIT:
        lookup.remove_leftovers(job)
        files.copy_file(job.commit, copy)
    elif must_be_there or not lookup.restore_record(copy, fingerprint):
        return None
    return lookup.read_current(copy, fingerprint)
