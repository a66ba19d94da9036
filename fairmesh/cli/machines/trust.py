"""``fairmesh machines trust``: show the host key of a machine, and add it to the known hosts of ssh."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fairmesh.cli.machines.choice import add_name, ssh_transport
from fairmesh.errors import FairmeshError
from fairmesh.machines.ssh_errors import ChangedKeyError
from fairmesh.machines.ssh_keys import HostKey, add_keys, is_key_known, offered_keys, removal_command
from fairmesh.printing import print_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_name(parser)
    parser.add_argument(
        "--yes",
        metavar="FINGERPRINT",
        help="add the key without a question if this is its fingerprint, as SHA256:...; for scripts",
    )


def run(arguments: argparse.Namespace) -> int:
    """Show the fingerprint, ask, and add the key."""
    transport = ssh_transport(arguments)
    ssh, name = transport.ssh, transport.host
    try:
        if is_key_known(ssh, transport.target):
            print_lines(f"{name}: its host key is known already")
            return 0
    except ChangedKeyError as error:
        raise FairmeshError(_changed(name, offered_keys(ssh), removal_command(ssh))) from error
    keys = offered_keys(ssh)
    for key in keys:
        print_lines(f"{name} ({ssh.host}) shows the {key.kind} key {key.fingerprint}")
    _agree(name, keys, arguments.yes)
    print_lines(f"added to {Path(add_keys(ssh, keys)).absolute()}")
    return 0


def _changed(name: str, keys: list[HostKey], removal: str) -> str:
    fingerprints = ", ".join(key.fingerprint for key in keys)
    return (
        f"{name}: its host key has changed: it shows {fingerprints}, and ssh knows another one. Another computer may "
        f"answer in its place. Nothing is changed. If who runs {name} confirms this fingerprint, remove the known key "
        f"with\n  {removal}\nand repeat `fairmesh machines trust {name}`"
    )


def _agree(name: str, keys: list[HostKey], expected: str | None) -> None:
    """Compare the fingerprint with that of the option, or let a person do it.

    Raises
    ------
    FairmeshError
        If it is not confirmed.
    """
    if expected is not None:
        if any(key.fingerprint != expected for key in keys):
            raise FairmeshError(f"{name}: the fingerprint is not {expected}; nothing is added")
        return
    if not sys.stdin.isatty():
        raise FairmeshError(
            f"{name}: without a terminal, confirm the fingerprint with --yes FINGERPRINT; nothing is added"
        )
    print_lines(f"Compare it with the fingerprint that who runs {name} publishes or tells you by another way.")
    if input("Is it the same? Add it? [yes/no] ").strip().lower() != "yes":
        raise FairmeshError(f"{name}: not confirmed; nothing is added")
