"""What Slurm would refuse is said before the run: one line each, in place of a job that waits for ever."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fairmesh.errors import InputError, Problem, nearest
from fairmesh.jobs import slurm_limits, slurm_site, submission
from fairmesh.jobs.bundle import Member, asked, bundles, options, resources_of
from fairmesh.jobs.slurm_limits import QueueLimit
from fairmesh.jobs.slurm_site import SlurmSite
from fairmesh.printing import print_lines
from fairmesh.runner import scheduler

PLUGIN, LEAN = "slurm", "slurm-lean"
# With a node that is down Slurm says this of jobs, too, that only have to wait for it.
_UNSURE = "node configuration is not available"


def check(jobs: Iterable[Any], executor: str, results: Path) -> QueueLimit | None:
    """Check that Slurm would take all jobs of a run.

    Parameters
    ----------
    jobs : iterable of snakemake.jobs.Job
        What would be submitted.
    executor : str
        Who would submit it.
    results : Path
        Where the nodes are to write.

    Returns
    -------
    QueueLimit or None
        How many of them may be in its queue, if that is limited.

    Raises
    ------
    InputError
        With everything that it would refuse.
    FairmeshError
        If its controller does not answer.
    """
    if not shutil.which("sbatch"):
        message = f"there is no sbatch in the path, which --executor {executor} needs"
        raise InputError([Problem(f"{message}; profiles/local runs everything on this computer")])
    members = sorted((_member(job) for job in jobs if not job.is_local), key=lambda each: (each.log, each.folder))
    site = slurm_site.look()
    if site.hosts - {socket.gethostname().partition(".")[0]} and slurm_site.is_on_local_disk(results):
        print_lines(f"warning: {results} is on a disk of this computer; do the nodes see it?", file=sys.stderr)
    problems = [*_unknown("slurm_partition", members, site.partitions), *_accounts(members, site, executor)]
    problems = problems or [*_refusals(members, site)]
    if problems:
        raise InputError(problems)
    limit = slurm_limits.look().lowest(each.resources for each in members)
    return limit if limit and limit.jobs < len(members) else None


def room(limit: QueueLimit, jobs: int) -> int:
    """Wait until a job of a run fits into the queue; return how many of them may be there at a time.

    Parameters
    ----------
    limit : QueueLimit
        What Slurm allows.
    jobs : int
        What the profile allows.
    """
    others = _others()
    if limit.jobs <= others:
        text = f"Slurm lets {limit.jobs} jobs be in its queue ({limit.setting}), where {others} of yours are already"
        print_lines(f"warning: {text}; this run waits for room", file=sys.stderr, flush=True)
    while limit.jobs <= others:
        time.sleep(scheduler.FRESH)
        others = _others()
    free = limit.jobs - others
    if free < jobs:
        there = f", where {others} of yours are already" if others else ""
        text = f"Slurm lets {limit.jobs} jobs be in its queue ({limit.setting}){there}"
        print_lines(
            f"warning: {text}; this run keeps to {free} at a time, not the {jobs} of its profile", file=sys.stderr
        )
    return min(free, jobs)


def _others() -> int:
    """Return how many jobs of this user are in the queue, as far as the scheduler answers."""
    return sum(not job.has_ended for job in (scheduler.jobs() or {}).values())


def _member(job: Any) -> Member:
    """Return a job by its name in messages; experiments come before the stages that they share."""
    name = job.wildcards_dict.get("experiment", job.rule.name)
    return Member(name, job.rule.name, "", (), asked(job.resources, job.threads))


def _unknown(name: str, members: Sequence[Member], known: Sequence[str]) -> Iterator[Problem]:
    wanted: dict[str, list[Member]] = {}
    for each in members:
        for value in str(each.resources.get(name, "")).split(","):
            wanted.setdefault(value, []).append(each)
    for value, found in wanted.items():
        if value and value not in known:
            message = f"{name} {value!r}, which {_names(found)} would run in, is not known to Slurm here"
            yield Problem(message, allowed=", ".join(known), near=nearest(value, known))


def _accounts(members: Sequence[Member], site: SlurmSite, executor: str) -> Iterator[Problem]:
    name = "slurm_account"
    if site.accounts:
        yield from _unknown(name, members, site.accounts)
    elif site.accounts is None and executor == PLUGIN and any(name in each.resources for each in members):
        message = f"this Slurm keeps no accounts, and the executor checks {name} before it submits: leave it out"
        yield Problem(f"{message}, or use profiles/slurm-lean")


def _refusals(members: Sequence[Member], site: SlurmSite) -> Iterator[Problem]:
    """Ask Slurm; once for all jobs that differ in amounts alone if it would take the largest of each."""
    for alike in bundles(members, max(1, len(members))):
        if _reason(resources_of(alike) | _longest(alike)):
            yield from _refusals_one_by_one(alike, site)


def _longest(members: Sequence[Member]) -> dict[str, Any]:
    times = [each.resources["runtime"] for each in members if "runtime" in each.resources]
    return {"runtime": max(times)} if times else {}


def _refusals_one_by_one(members: Sequence[Member], site: SlurmSite) -> Iterator[Problem]:
    different: dict[tuple[str, ...], list[Member]] = {}
    for each in members:
        different.setdefault(tuple(options(each.resources)), []).append(each)
    for wanted, found in different.items():
        reason = _reason(found[0].resources)
        message = f"Slurm would refuse {_names(found)}, which asks for {' '.join(wanted)}: {reason}"
        if reason and _UNSURE in reason and not site.all_up:
            print_lines(f"warning: {message}; or it waits for a node that is down", file=sys.stderr)
        elif reason:
            yield Problem(message)


def _reason(resources: Mapping[str, Any]) -> str:
    try:
        submission.check(options(resources))
    except submission.RefusedError as error:
        return "" if error.passes else error.reason
    return ""


def _names(members: Sequence[Member]) -> str:
    more = len(members) - 1
    return members[0].folder + (f" (and {more} more)" if more else "")
