"""Checks of the machines over ssh, in short; ``fairmesh machines check`` shows all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from fairmesh.cli.doctor.base import PATIENCE, CheckedProject, Finding, fail, ok, side_by_side, warn
from fairmesh.errors import FairmeshError, InputError
from fairmesh.machines.ssh import SshTransport
from fairmesh.machines.transport import UnreachableError
from fairmesh.project import MACHINES, own_or_installed
from fairmesh.study.machines import Machine, load_machines


def checks(project: CheckedProject) -> Iterator[Finding]:
    """Connect to each machine of kind ssh."""
    path = own_or_installed(project.folder, MACHINES)
    try:
        machines = load_machines(path)
    except (InputError, OSError):  # reported by another check
        return
    findings: dict[str, Finding] = {}

    def reach(name: str, machine: Machine) -> None:
        findings[name] = reached(name, machine, path.parent)

    calls = {name: partial(reach, name, machine) for name, machine in machines.items() if machine.kind == "ssh"}
    side_by_side(calls, PATIENCE + 1)
    for name in calls:
        yield findings.get(name) or warn(f"machine {name}", "no answer in time", f"fairmesh machines check {name}")


def reached(name: str, machine: Machine, folder: Path) -> Finding:
    """Return whether a machine answers."""
    topic, begun = f"machine {name}", time.monotonic()
    try:
        transport = SshTransport(name, machine, folder)
        with closing(transport):
            transport.call({"verb": "clock"}, timeout=PATIENCE)
    except UnreachableError as error:
        return warn(topic, str(error), f"fairmesh machines check {name}")
    except FairmeshError as error:
        return fail(topic, str(error), f"fairmesh machines check {name}")
    return ok(topic, f"answered after {time.monotonic() - begun:.1f} s")
