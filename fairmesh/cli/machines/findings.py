"""What the facts about a machine mean for experiments there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import NamedTuple

from fairmesh.cli.doctor.base import Finding, fail, ok, warn
from fairmesh.cli.doctor.storage import FEW, FEW_FILES, LEAST, LEAST_FILES, SKEW
from fairmesh.cli.machines.facts import Facts
from fairmesh.printing import count_text
from fairmesh.schedulers import find_scheduler
from fairmesh.study.machines import Machine

_GIB = 1 << 30  # bytes


class ClockOffset(NamedTuple):
    """How far the clock of a machine is ahead of the one here.

    Parameters
    ----------
    seconds : float
        The difference.
    uncertainty : float
        Half the time of the call, since nobody knows when in it the machine read its clock.
    """

    seconds: float
    uncertainty: float


def checks(machine: Machine, facts: Facts) -> Iterator[Finding]:
    """Yield what experiments need of a machine."""
    yield ok("system", f"{facts.text('system')}, host {facts.text('host')}, user {facts.text('user')}")
    yield ok("Python", facts.text("python"))
    yield base_folder(facts)
    yield free_bytes(facts)
    yield free_files(facts)
    if quota := facts.text("quota"):
        yield ok("quota", quota)
    yield from links_and_locks(facts)
    yield hardware(facts)
    yield from slots(machine, facts)
    yield from programs(machine, facts)
    if machine.is_remote:
        yield scheduler(machine, facts)
    if facts.flag("ends_user_processes") and machine.scheduler == "none":
        advice = "run `loginctl enable-linger` there, or ask who runs it"
        yield fail("logout", "systemd ends the processes of a user who logs out, so experiments too", advice)


def base_folder(facts: Facts) -> Finding:
    """Check that the base folder can be written."""
    base = facts.text("base")
    if facts.flag("is_writable"):
        return ok("base folder", base)
    return fail("base folder", f"{base} cannot be written: {facts.text('problem')}", "set `base` in machines.yaml")


def free_bytes(facts: Facts) -> Finding:
    """Check the free space."""
    free, advice = facts.number("free"), "free some space there, or set `base` in machines.yaml"
    text = f"{free / _GIB:.1f} GiB free"
    if free < LEAST:
        return fail("disk", text, advice)
    return warn("disk", text, advice) if free < FEW else ok("disk", text)


def free_files(facts: Facts) -> Finding:
    """Check how many files can be created; file systems without a limit report 0."""
    free, advice = facts.number("free_files"), "remove what you do not need there, or ask for a larger quota"
    if not free:
        return ok("inodes", "not limited")
    text = f"{free:,.0f} more files can be created"
    if free < LEAST_FILES:
        return fail("inodes", text, advice)
    return warn("inodes", text, advice) if free < FEW_FILES else ok("inodes", text)


def links_and_locks(facts: Facts) -> Iterator[Finding]:
    """Check what decides that an experiment starts once."""
    if not facts.flag("is_writable"):
        return
    has_links, has_locks = facts.flag("has_hard_links"), facts.flag("has_locks")
    yield ok("hard links", "work" if has_links else "not supported: claims are folders instead")
    advice = "mount it with locks (NFS 4; Lustre: -o flock), or set `base` in machines.yaml"
    yield ok("file locks", "work") if has_locks else warn("file locks", "not supported in the base folder", advice)


def hardware(facts: Facts) -> Finding:
    """Show cores, memory and GPUs."""
    gpus = facts.texts("gpus")
    kinds = ", ".join(f"{gpus.count(gpu)} x {gpu}" for gpu in dict.fromkeys(gpus)) or "no GPU"
    cores, memory = int(facts.number("cores")), facts.number("memory") / _GIB
    return ok("hardware", f"{count_text(cores, 'core')}, {memory:.1f} GiB of memory, {kinds}")


def slots(machine: Machine, facts: Facts) -> Iterator[Finding]:
    """Compare the slots of a plain host with its cores."""
    cores = int(facts.number("cores"))
    if machine.is_remote and machine.scheduler == "none" and 0 < cores < machine.slots:
        text = f"{machine.slots} experiments at the same time on {count_text(cores, 'core')}"
        yield warn("slots", text, f"they wait for each other's cores; `slots: {cores}` in machines.yaml")


def programs(machine: Machine, facts: Facts) -> Iterator[Finding]:
    """Check the programs that the machine needs."""
    there = facts.map("programs")
    missing = [name for name in ("bash", "tar") if not there.text(name)]
    if missing:
        yield fail("programs", f"missing there: {', '.join(missing)}", "ask who runs it to install them")
    yield from container(machine, there)
    if machine.rsync:
        sides = {"there": there.text("rsync"), "here": shutil.which("rsync")}
        without = [side for side, path in sides.items() if not path]
        text, advice = f"missing {' and '.join(without)}", "install it, or set `rsync: false` in machines.yaml"
        yield fail("rsync", text, advice) if without else ok("rsync", "on both sides")


def container(machine: Machine, there: Facts) -> Iterator[Finding]:
    """Check the program that runs containers; modules of the machine can bring it, which only jobs load."""
    if machine.container is None:
        return
    name = machine.container.program
    if path := there.text(name):
        yield ok("container", path)
    elif machine.modules or machine.setup:
        yield warn(
            "container", f"{name} is not in the PATH there", "fine if `modules` or `setup` of the machine add it"
        )
    else:
        yield fail("container", f"{name} is not in the PATH there", "install it, or name another `container.program`")


def scheduler(machine: Machine, facts: Facts) -> Finding:
    """Compare the scheduler in machines.yaml with those that the login shell finds."""
    there = {entry.text("name"): entry for entry in facts.maps("schedulers")}
    if machine.scheduler == "none":
        if there:
            advice = f"set `scheduler: {next(iter(there))}` in machines.yaml unless programs may run on the login node"
            return warn("scheduler", f"none in machines.yaml, and {', '.join(there)} is there", advice)
        return ok("scheduler", "none")
    title = find_scheduler(machine.scheduler).title
    if machine.scheduler not in there:
        advice = (
            "put its programs into the PATH of the login shell (~/.profile), or correct `scheduler` in machines.yaml"
        )
        return fail("scheduler", f"{title} is not in the PATH there", advice)
    found = there[machine.scheduler]
    if problem := found.text("problem"):
        return fail("scheduler", f"{title} does not answer: {problem}", "ask who runs it")
    return ok("scheduler", f"{title} {found.text('version')}")


def clock(offset: ClockOffset) -> Finding:
    """Check that the clock agrees with the one here."""
    seconds, uncertainty = offset
    text = f"{abs(seconds):.3f} s {'ahead' if seconds > 0 else 'behind'}, known to {uncertainty:.3f} s"
    if abs(seconds) - uncertainty > SKEW:
        return warn("clock", text, "synchronize the clocks (chrony): times of experiments there are wrong")
    return ok("clock", text)
