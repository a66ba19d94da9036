"""Whether Slurm is there, answers, and has what machines.yaml asks it for."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from fairmesh.cli.doctor.base import PATIENCE, Answer, Finding, Here, ask, fail, ok, side_by_side, warn
from fairmesh.errors import FairmeshError, nearest
from fairmesh.jobs import slurm_limits, slurm_site
from fairmesh.jobs.slurm_limits import QueueLimits
from fairmesh.jobs.slurm_site import SlurmSite
from fairmesh.jobs.submission import words
from fairmesh.study.settings import Machine
from fairmesh.workflow.configuration import read_profile

SLURM = "slurm"
CLIENT = ("sbatch", "squeue", "sinfo", "scontrol", "scancel")
TRY = ("sbatch", "--test-only", "--ntasks=1", "--time=1", "--wrap=true")
MEMORY = 60  # seconds for which Slurm should know of a job that has ended: it is asked every 30 s


def checks(here: Here) -> Iterator[Finding]:
    """Look at Slurm, if the profile runs there."""
    machine = here.entry()
    if not here.executor.startswith(SLURM) and (machine is None or machine.scheduler != SLURM):
        return
    found = client(shutil.which)
    yield found
    if found.level == "ok":
        yield from _asked(here, machine)


def client(which: Callable[[str], object]) -> Finding:
    """Check that Slurm's programs are there."""
    missing = [name for name in CLIENT if not which(name)]
    if missing:
        advice = "work on a login node of the cluster, load its module, or use profiles/local"
        return fail("slurm client", f"not in the path: {', '.join(missing)}", advice)
    return ok("slurm client", ", ".join(CLIENT))


def _asked(here: Here, machine: Machine | None) -> Iterator[Finding]:
    """Ask everything at the same time: a controller that is dead lets each wait."""
    said: dict[str, Any] = {}
    calls: dict[str, Callable[[], Any]] = {
        "site": _site,
        "settings": lambda: ask("scontrol", "show", "config"),
        "trial": lambda: ask(*TRY),
        "queue": lambda: slurm_limits.look(PATIENCE / 3),
    }
    side_by_side({name: partial(_keep, said, name, call) for name, call in calls.items()}, PATIENCE + 1)
    site = said.get("site", "its programs give no answer")
    if isinstance(site, str):
        yield controller(site)
        return
    silent = Answer(False, "no answer")
    yield controller("")
    yield from offers(here.machine, machine, site)
    settings = said.get("settings", silent)
    yield accounting(site.accounts, here.executor, settings)
    yield submission(said.get("trial", silent), site)
    yield from limits(settings)
    yield from queue(said.get("queue", QueueLimits()), here, machine)
    yield shared(site.hosts - {socket.gethostname().partition(".")[0]}, here)


def _keep(said: dict[str, Any], name: str, call: Callable[[], Any]) -> None:
    said[name] = call()


def _site() -> SlurmSite | str:
    """Return what Slurm has to offer, or its complaint."""
    try:
        return slurm_site.look(PATIENCE / 2)
    except FairmeshError as error:
        return str(error)


def controller(complaint: str) -> Finding:
    """Check that the controller answers."""
    if complaint:
        return fail("slurm controller", complaint, "ask who runs the cluster; check SLURM_CONF and `scontrol ping`")
    return ok("slurm controller", "answers")


def offers(name: str, machine: Machine | None, site: SlurmSite) -> Iterator[Finding]:
    """Check that partitions and generic resources of a machine are known to Slurm."""
    if machine is None:
        return
    asked = {f"{name}.resources": machine.resources} | {
        f"{name}.gpus.{gpu}": each for gpu, each in machine.gpus.items()
    }
    problems = [problem for key, resources in asked.items() for problem in _unknown(key, resources, site)]
    yield from problems or [ok("machines.yaml on slurm", f"partitions here: {', '.join(site.partitions)}")]


def _unknown(key: str, resources: Mapping[str, object], site: SlurmSite) -> Iterator[Finding]:
    wanted = {
        "slurm_partition": (str(resources.get("slurm_partition", "")).split(","), site.partitions),
        "slurm_account": ([str(resources.get("slurm_account", ""))] if site.accounts else [], site.accounts or []),
        "gres": ([_kind(each) for each in str(resources.get("gres", "")).split(",")], sorted(site.gres)),
    }
    for resource, (values, known) in wanted.items():
        for value in filter(None, values):
            if value not in known:
                near = nearest(value, known)
                advice = f"{f'did you mean {near!r}? ' if near else ''}allowed: {', '.join(known) or 'none'}"
                yield fail("machines.yaml on slurm", f"{key}.{resource}: Slurm knows no {value!r}", advice)


def _kind(gres: str) -> str:
    """Return the kind of a generic resource without its count.

    >>> _kind("gpu:a100:2"), _kind("gpu:2"), _kind("")
    ('gpu:a100', 'gpu', '')
    """
    return re.sub(r"[:=]\d+$", "", gres)


def accounting(accounts: list[str] | None, executor: str, settings: Answer) -> Finding:
    """Return whether Slurm keeps accounts, and what follows."""
    if accounts is None and re.search(r"^AccountingStorageType\s*= \S*/slurmdbd", settings.output, re.MULTILINE):
        advice = "jobs run all the same; ask who runs the cluster for slurmdbd"
        return warn("slurm accounting", "on, and its database does not answer", advice)
    if accounts is None:
        follows = "slurm_account must be left out" if executor == SLURM else "no slurm_account is needed"
        return ok("slurm accounting", f"off: jobs are looked up by squeue, {follows}")
    if not accounts:
        advice = "ask for an account, and name it: resources: {slurm_account: ...} in machines.yaml"
        return warn("slurm accounting", "on, and you have no account", advice)
    return ok("slurm accounting", f"on, your accounts: {', '.join(accounts)}")


def submission(trial: Answer, site: SlurmSite) -> Finding:
    """Check that Slurm would take a small job."""
    if trial.good:
        return ok("slurm submission", "a job of one minute would be taken")
    reason = words(trial.output.replace("; ", "\n"))
    if not site.all_up:
        return warn("slurm submission", f"refused, and not all nodes are up: {reason}", "look at sinfo")
    advice = "set what it misses in machines.yaml (slurm_partition, slurm_account, qos), or ask who runs the cluster"
    return fail("slurm submission", f"a job of one minute would be refused: {reason}", advice)


def limits(settings: Answer) -> Iterator[Finding]:
    """Check the settings of Slurm's that runs depend on."""
    found = dict(re.findall(r"^(\w+)\s*= (\d+)", settings.output, re.MULTILINE)) if settings.good else {}
    if not found:
        yield warn("slurm settings", f"cannot be read: {settings.output[:200]}", "nothing, if runs go well")
        return
    age, queue, array = (int(found.get(name, 0)) for name in ("MinJobAge", "MaxJobCount", "MaxArraySize"))
    if 0 < age < MEMORY:
        text = f"MinJobAge is {age} s: a job's end may be forgotten before it is seen"
        yield warn("slurm settings", text, f"ask for MinJobAge={MEMORY} or more; its record counts all the same")
    if age >= MEMORY or not age:
        yield ok("slurm settings", f"MinJobAge {age} s, MaxJobCount {queue}, MaxArraySize {array}")


def queue(limits: QueueLimits, here: Here, machine: Machine | None) -> Iterator[Finding]:
    """Compare the number of jobs that the profile wants in the queue with what Slurm lets a user have there."""
    limit, jobs = limits.lowest([machine.resources if machine else {}]), jobs_of(here.profile)
    if limit and jobs and limit.jobs < jobs:
        text = f"`jobs` of {here.profile} is {jobs}, and Slurm lets {limit.jobs} be in its queue ({limit.setting})"
        advice = f"runs keep to it by themselves; `jobs: {limit.jobs}` says so, or ask for more"
        yield warn("slurm queue", text, advice)
    elif limit:
        yield ok("slurm queue", f"{limit.jobs} jobs may be in it ({limit.setting})")


def jobs_of(profile: Path) -> int | None:
    """Return how many jobs a profile wants to be in the queue; None if it cannot be read, which another check says."""
    try:
        return read_profile(profile).jobs
    except FairmeshError:
        return None


def shared(others: Iterable[str], here: Here) -> Finding:
    """Check that nodes can see the results."""
    strangers, place = sorted(others), here.place
    kind = slurm_site.file_system(place)
    if strangers and slurm_site.is_on_local_disk(place):
        advice = "name a folder that all nodes share: results: in config.yaml"
        return warn("shared folder", f"{here.results} is on a disk of this computer ({kind})", advice)
    return ok("shared folder", f"{here.results}: {kind or 'unknown kind'}, nodes: {', '.join(strangers) or 'this one'}")
