"""What processes and jobs of earlier runs are still at: who killed Snakemake killed nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fairmesh.jobs import lookup, manifest
from fairmesh.jobs.lookup import Found
from fairmesh.jobs.paths import JobPaths, StudyPaths
from fairmesh.live.news import Name
from fairmesh.runner import jsonfiles, protocol, scheduler
from fairmesh.runner.claims import Claims
from fairmesh.runner.scheduler import Job


@dataclass(frozen=True)
class Wanted:
    """A job without a result.

    Parameters
    ----------
    name : tuple of str
        Machine and id of an experiment; a stage has no machine.
    paths : JobPaths
        Its folder.
    fingerprint : str
        What it is to compute.
    """

    name: Name
    paths: JobPaths
    fingerprint: str


def living(paths: StudyPaths, wanted: Iterable[Wanted]) -> dict[Name, str]:
    """Find what of all that is wanted somebody is at, or a job in Slurm's queue will be.

    Parameters
    ----------
    paths : StudyPaths
        The study's files; its run lock is held, so that all runs in them are over.
    wanted : iterable of Wanted
        What has no result.

    Returns
    -------
    dict
        The scheduler's number of the job by name, or an empty text where there is none.
    """
    by_name = {each.name: each for each in wanted}
    jobs = _jobs(paths, by_name)
    claimed = {name: "" for name, each in by_name.items() if lookup.look(each.paths, each.fingerprint) is Found.LIVING}
    return claimed | {name: job.id for name, job in jobs.items() if not _has_had_its_turn(by_name[name].paths, job)}


def _jobs(paths: StudyPaths, wanted: Mapping[Name, Wanted]) -> dict[Name, Job]:
    """Find the jobs of earlier runs.

    The scheduler is asked once, and its answer counts: a job that it took in the moment of the crash is found by the
    comment that it carries, whatever the run had time to write down.
    """
    runs = dict(_runs(paths))
    asked = (scheduler.jobs() or {}) if runs and wanted else {}
    comments = {_comment(paths.study, name): name for name in wanted}
    found: dict[Name, Job] = {}
    for job in asked.values():
        if job.name in runs and not job.has_ended:
            names = [comments[job.comment]] if job.comment in comments else manifest.read(runs[job.name], job.comment)
            found.update((name, job) for name in names if name in wanted)
    return found


def _runs(paths: StudyPaths) -> Iterator[tuple[str, Path]]:
    """Give the names that Slurm's jobs of earlier runs have, with the folder of the run."""
    for path in (paths.folder / protocol.RUNS).glob(f"*/{protocol.RUN_FILE}"):
        name = (jsonfiles.read_map(str(path)) or {}).get("executor_run")
        if name:
            yield str(name), path.parent


def _comment(study: str, name: Name) -> str:
    """Give what the executor plugin writes to a job: its rule, and the values of its wildcards."""
    machine, identity = name
    rule, values = ("experiment", [study, machine, identity]) if machine else ("stage", [study, identity])
    return f"rule_{rule}_wildcards_" + "_".join(values).replace("/", "_")


def _has_had_its_turn(paths: JobPaths, job: Job) -> bool:
    """Tell whether a job, which lives on for others in its bundle, is done with this one."""
    claims = Claims(str(paths.folder))
    number = claims.highest()
    holder = claims.holder(number) if number else {}
    same_start = holder.get("job_id") == job.id and int(holder.get("restart") or 0) == job.restart
    return same_start and claims.is_over(number)
