"""Checks of the scheduler: its programs, controller and queue, and the resources in machines.yaml."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from fairmesh.cli.doctor.base import PATIENCE, CheckedProject, Finding, fail, ok, side_by_side, warn
from fairmesh.errors import FairmeshError, nearest
from fairmesh.files import file_system, is_on_local_disk
from fairmesh.schedulers import QueueLimit, Scheduler, SchedulerError, Site, find_scheduler, names
from fairmesh.study.machines import Machine
from fairmesh.workflow.configuration import read_profile

SMALL = {"threads": 1, "runtime": 1}  # the resources of the job for the test of submission


def checks(project: CheckedProject) -> Iterator[Finding]:
    """Check the scheduler of the profile, if it has one."""
    machine = project.entry()
    scheduler = _scheduler(project, machine)
    if scheduler is None:
        return
    finding = client(scheduler, shutil.which)
    yield finding
    if finding.level == "ok":
        yield from _answers(project, machine, scheduler)


def _scheduler(project: CheckedProject, machine: Machine | None) -> Scheduler | None:
    if machine is not None and machine.scheduler in names():
        return find_scheduler(machine.scheduler)
    plugins = (scheduler for scheduler in map(find_scheduler, names()) if scheduler.plugin)
    return next((scheduler for scheduler in plugins if scheduler.plugin == project.executor), None)


def client(scheduler: Scheduler, which: Callable[[str], object]) -> Finding:
    """Check that the scheduler's programs are installed."""
    topic, missing = f"{scheduler.name} client", [name for name in scheduler.programs if not which(name)]
    if missing:
        advice = "work on a login node of the cluster, load its module, or use profiles/local"
        return fail(topic, f"not in the path: {', '.join(missing)}", advice)
    return ok(topic, ", ".join(scheduler.programs))


def _answers(project: CheckedProject, machine: Machine | None, scheduler: Scheduler) -> Iterator[Finding]:
    """Send all queries at the same time, since a dead controller delays each of them."""
    answers: dict[str, Any] = {}
    resources = machine.resources if machine else {}
    calls: dict[str, Callable[[], Any]] = {
        "version": lambda: scheduler.version(PATIENCE / 2),
        "site": lambda: scheduler.site(PATIENCE / 2),
        "notes": lambda: scheduler.notes(PATIENCE / 3),
        "trial": lambda: scheduler.check(SMALL),
        "limit": lambda: scheduler.queue_limit([resources], PATIENCE / 3),
    }
    side_by_side({name: partial(_keep, answers, name, call) for name, call in calls.items()}, PATIENCE + 1)
    silent = SchedulerError("no answer", is_unanswered=True)
    site = answers.get("site", silent)
    yield controller(scheduler, answers.get("version", silent) if isinstance(site, Site) else site)
    if not isinstance(site, Site):
        return
    yield from offers(project.machine, machine, scheduler, site)
    yield from (Finding(*note) for note in answers.get("notes", ()))
    yield submission(scheduler, answers.get("trial", silent), site)
    yield from queue(scheduler, answers.get("limit"), project)
    yield shared(site.hosts - {socket.gethostname().partition(".")[0]}, project)


def _keep(answers: dict[str, Any], name: str, call: Callable[[], Any]) -> None:
    try:
        answers[name] = call()
    except SchedulerError as error:
        if name not in {"limit", "notes"}:
            answers[name] = error


def controller(scheduler: Scheduler, answer: str | SchedulerError) -> Finding:
    """Check that the controller answers."""
    topic = f"{scheduler.name} controller"
    if isinstance(answer, SchedulerError):
        advice = f"ask who runs the cluster; check that {scheduler.programs[0]} works here"
        return fail(topic, f"{scheduler.title}'s controller does not answer: {answer.reason}", advice)
    return ok(topic, f"answers: {answer}")


def offers(name: str, machine: Machine | None, scheduler: Scheduler, site: Site) -> Iterator[Finding]:
    """Check that the resources of a machine have values that the scheduler knows."""
    if machine is None:
        return
    asked = {f"{name}.resources": machine.resources}
    asked |= {f"{name}.gpus.{gpu}": resources for gpu, resources in machine.gpus.items()}
    topic = f"machines.yaml on {scheduler.name}"
    problems = [problem for key, resources in asked.items() for problem in _unknown(key, resources, scheduler, site)]
    known = "; ".join(f"{resource}: {', '.join(values)}" for resource, values in site.values.items() if values)
    yield from problems or [ok(topic, f"known here: {known}")]


def _unknown(key: str, resources: Mapping[str, object], scheduler: Scheduler, site: Site) -> Iterator[Finding]:
    for resource, known in site.values.items():
        for value in filter(None, map(_kind, str(resources.get(resource, "")).split(","))):
            if value not in known:
                near = nearest(value, known)
                advice = f"{f'did you mean {near!r}? ' if near else ''}allowed: {', '.join(known) or 'none'}"
                text = f"{key}.{resource}: {scheduler.title} knows no {value!r}"
                yield fail(f"machines.yaml on {scheduler.name}", text, advice)


def _kind(text: str) -> str:
    """Return a value without the count of a generic resource.

    >>> _kind("gpu:a100:2"), _kind("gpu:2"), _kind("")
    ('gpu:a100', 'gpu', '')
    """
    return re.sub(r"[:=]\d+$", "", text)


def submission(scheduler: Scheduler, answer: SchedulerError | None, site: Site) -> Finding:
    """Check that the scheduler would accept a small job."""
    topic = f"{scheduler.name} submission"
    if answer is None:
        return ok(topic, "a job of one minute would be taken")
    if not site.is_all_up:
        return warn(topic, f"refused, and not all nodes are up: {answer.reason}", "look at the nodes")
    resources = ", ".join(scheduler.own_resources)
    advice = f"set what it misses in machines.yaml ({resources}, qos), or ask who runs the cluster"
    return fail(topic, f"a job of one minute would be refused: {answer.reason}", advice)


def queue(scheduler: Scheduler, limit: QueueLimit | None, project: CheckedProject) -> Iterator[Finding]:
    """Compare the profile's number of jobs in the queue with the scheduler's limit for a user."""
    topic, jobs = f"{scheduler.name} queue", jobs_of(project.profile)
    if limit and jobs and limit.jobs < jobs:
        allowed = f"{scheduler.title} lets {limit.jobs} be in its queue ({limit.setting})"
        advice = f"runs keep to it by themselves; `jobs: {limit.jobs}` says so, or ask for more"
        yield warn(topic, f"`jobs` of {project.profile} is {jobs}, and {allowed}", advice)
    elif limit:
        yield ok(topic, f"{limit.jobs} jobs may be in it ({limit.setting})")


def jobs_of(profile: Path) -> int | None:
    """Return a profile's number of jobs in the queue; None if it cannot be read, which another check reports."""
    try:
        return read_profile(profile).jobs
    except FairmeshError:
        return None


def shared(others: Iterable[str], project: CheckedProject) -> Finding:
    """Check that nodes can access the results."""
    nodes, place = sorted(others), project.place
    kind = file_system(place)
    if nodes and is_on_local_disk(place):
        advice = "name a folder that all nodes share: results: in config.yaml"
        return warn("shared folder", f"{project.results} is on a disk of this computer ({kind})", advice)
    return ok("shared folder", f"{project.results}: {kind or 'unknown kind'}, nodes: {', '.join(nodes) or 'this one'}")
