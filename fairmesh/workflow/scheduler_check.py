"""Check before a run that the scheduler accepts its jobs: a refused job would wait forever, or fail late."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fairmesh.errors import FairmeshError, InputError, Problem, nearest
from fairmesh.files import is_on_local_disk
from fairmesh.printing import print_lines
from fairmesh.runner import scheduler as queue
from fairmesh.schedulers import QueueLimit, Scheduler, SchedulerError, Site, find_scheduler, names, required_scheduler
from snakemake_executor_plugin_fairmesh.bundle import Member, bundles, known_resources, resources_of

OWN = "fairmesh"  # the executor of fairmesh


def scheduler_of(executor: str, settings: Any) -> Scheduler | None:
    """Return the scheduler that one of Snakemake's executors submits to, or None for another executor.

    Parameters
    ----------
    executor : str
        The executor's name.
    settings : object
        Its settings.

    Raises
    ------
    InputError
        If fairmesh's own executor has no scheduler to submit to.
    """
    if executor == OWN:
        try:
            return required_scheduler(getattr(settings, "scheduler", ""))
        except LookupError as error:
            raise InputError([Problem(str(error))]) from error
    plugins = {scheduler.plugin: scheduler for scheduler in map(find_scheduler, names()) if scheduler.plugin}
    return plugins.get(executor)


def check(jobs: Iterable[Any], scheduler: Scheduler, is_plugin: bool, results: Path) -> QueueLimit | None:
    """Check that a scheduler would accept all jobs of a run.

    Parameters
    ----------
    jobs : iterable of snakemake.jobs.Job
        The jobs to submit.
    scheduler : Scheduler
        The scheduler.
    is_plugin : bool
        Whether Snakemake's own executor for this scheduler submits them.
    results : Path
        The results folder, which nodes write to.

    Returns
    -------
    QueueLimit or None
        The limit of jobs in the queue, if there is one.

    Raises
    ------
    InputError
        With all jobs that it would refuse.
    FairmeshError
        If its controller does not answer.
    """
    missing = next((name for name in scheduler.programs if not shutil.which(name)), None)
    if missing:
        message = f"there is no {missing} in the path, which jobs for {scheduler.title} need"
        raise InputError([Problem(f"{message}; profiles/local runs everything on this computer")])
    remote = (_member(job, scheduler) for job in jobs if not job.is_local)
    members = sorted(remote, key=lambda member: (member.log, member.folder))
    site = load_site(scheduler)
    if site.hosts - {socket.gethostname().partition(".")[0]} and is_on_local_disk(results):
        print_lines(f"warning: {results} is on a disk of this computer; do the nodes see it?", file=sys.stderr)
    problems = [*_unknown_values(members, scheduler, site), *(_plugin_problems(members, site) if is_plugin else ())]
    problems = problems or [*_refusals(members, scheduler, site)]
    if problems:
        raise InputError(problems)
    limit = scheduler.queue_limit(member.resources for member in members)
    return limit if limit and limit.jobs < len(members) else None


def load_site(scheduler: Scheduler) -> Site:
    """Return the features of a scheduler's site.

    Raises
    ------
    FairmeshError
        If its controller does not answer.
    """
    try:
        return scheduler.site()
    except SchedulerError as error:
        raise FairmeshError(f"{scheduler.title}'s controller does not answer: {error.reason}") from error


def wait_for_room(limit: QueueLimit, jobs: int, scheduler: Scheduler) -> int:
    """Wait until a job of a run fits into the queue; return how many jobs it may have there at a time.

    Parameters
    ----------
    limit : QueueLimit
        The limit of the scheduler.
    jobs : int
        The limit of the profile.
    scheduler : Scheduler
        The scheduler.
    """
    allowed = f"{scheduler.title} lets {limit.jobs} jobs be in its queue ({limit.setting})"
    others = _count_jobs(scheduler)
    if limit.jobs <= others:
        text = f"{allowed}, where {others} of yours are already"
        print_lines(f"warning: {text}; this run waits for room", file=sys.stderr, flush=True)
    while limit.jobs <= others:
        time.sleep(queue.FRESH)
        others = _count_jobs(scheduler)
    free = limit.jobs - others
    if free < jobs:
        there = f", where {others} of yours are already" if others else ""
        text = f"{allowed}{there}; this run keeps to {free} at a time, not the {jobs} of its profile"
        print_lines(f"warning: {text}", file=sys.stderr)
    return min(free, jobs)


def _count_jobs(scheduler: Scheduler) -> int:
    """Return the number of jobs of this user in the queue; 0 if the scheduler does not answer."""
    return sum(not job.has_ended for job in (queue.jobs(scheduler=scheduler) or {}).values())


def _member(job: Any, scheduler: Scheduler) -> Member:
    """Return a job with its name in messages; experiments are sorted before shared stages."""
    name = job.wildcards_dict.get("experiment", job.rule.name)
    return Member(name, job.rule.name, "", (), known_resources(job.resources, job.threads, scheduler))


def _unknown_values(members: Sequence[Member], scheduler: Scheduler, site: Site) -> Iterator[Problem]:
    """Yield the unknown values of the scheduler's own resources."""
    for name in scheduler.own_resources:
        for value, users in _users(name, members).items() if name in site.values else ():
            if value and value not in site.values[name]:
                known = site.values[name]
                message = (
                    f"{name} {value!r}, which {_names(users)} would run in, is not known to {scheduler.title} here"
                )
                yield Problem(message, allowed=", ".join(known), near=nearest(value, known))


def _users(name: str, members: Sequence[Member]) -> Mapping[str, list[Member]]:
    """Return the jobs that request each value of a resource."""
    users: dict[str, list[Member]] = {}
    for member in members:
        for value in str(member.resources.get(name, "")).split(","):
            users.setdefault(value, []).append(member)
    return users


def _plugin_problems(members: Sequence[Member], site: Site) -> Iterator[Problem]:
    for name, reason in site.refused_by_plugin.items():
        if any(name in member.resources for member in members):
            yield Problem(f"{reason}, or use the executor of fairmesh, as in profiles/slurm-lean")


def _refusals(members: Sequence[Member], scheduler: Scheduler, site: Site) -> Iterator[Problem]:
    """Yield refused jobs; jobs that differ only in amounts are tested once with the largest amounts first."""
    for alike in bundles(members, max(1, len(members))):
        if _reason(resources_of(alike) | _longest(alike), scheduler):
            yield from _refusals_one_by_one(alike, scheduler, site)


def _longest(members: Sequence[Member]) -> dict[str, Any]:
    times = [member.resources["runtime"] for member in members if "runtime" in member.resources]
    return {"runtime": max(times)} if times else {}


def _refusals_one_by_one(members: Sequence[Member], scheduler: Scheduler, site: Site) -> Iterator[Problem]:
    different: dict[str, list[Member]] = {}
    for member in members:
        options = scheduler.options(member.resources)
        different.setdefault(" ".join(word for option in options for word in option), []).append(member)
    for options_text, alike in different.items():
        reason = _reason(alike[0].resources, scheduler)
        message = f"{scheduler.title} would refuse {_names(alike)}, which asks for {options_text}: {reason}"
        is_unsure = bool(scheduler.node_down_words) and scheduler.node_down_words in reason
        if reason and is_unsure and not site.is_all_up:
            print_lines(f"warning: {message}; or it waits for a node that is down", file=sys.stderr)
        elif reason:
            yield Problem(message)


def _reason(resources: Mapping[str, Any], scheduler: Scheduler) -> str:
    try:
        scheduler.check(resources)
    except SchedulerError as error:
        return "" if error.is_transient else error.reason
    return ""


def _names(members: Sequence[Member]) -> str:
    more = len(members) - 1
    return members[0].folder + (f" (and {more} more)" if more else "")
