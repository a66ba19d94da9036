"""The machines of machines.yaml that a command names."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from fairmesh.cli import options
from fairmesh.errors import InputError, Problem, nearest
from fairmesh.machines.ssh import SshTransport
from fairmesh.project import MACHINES, own_or_installed
from fairmesh.study.machines import Machine, load_machines


def choose(project: Path, names: Sequence[str]) -> dict[str, Machine]:
    """Return the machines with these names, all without any.

    Raises
    ------
    InputError
        If there is no such machine.
    """
    path = own_or_installed(project, MACHINES)
    known = load_machines(path)
    problems = [
        Problem(f"there is no machine {name!r}", str(path), ", ".join(known), nearest(name, known))
        for name in names
        if name not in known
    ]
    if problems:
        raise InputError(problems)
    return {name: known[name] for name in names or known}


def add_name(parser: argparse.ArgumentParser) -> None:
    """Add the argument of one machine."""
    parser.add_argument("name", metavar="MACHINE", help="a machine of kind ssh in config/machines.yaml")


def ssh_transport(arguments: argparse.Namespace) -> SshTransport:
    """Return the transport to the machine of an argument.

    Raises
    ------
    InputError
        If it is not reached by ssh.
    """
    project, name = options.project(arguments), arguments.name
    machine = choose(project, [name])[name]
    if machine.kind != "ssh":
        raise InputError(
            [Problem(f"{name} is a machine of kind {machine.kind}, which has no host of ssh", str(MACHINES))]
        )
    return SshTransport(name, machine, own_or_installed(project, MACHINES).parent)
