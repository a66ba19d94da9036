"""``fairmesh machines connect``: log in by hand once, and keep the connection open for fairmesh."""

from __future__ import annotations

import argparse
import subprocess

from fairmesh.cli.machines.choice import add_name, ssh_transport
from fairmesh.errors import FairmeshError
from fairmesh.machines.ssh_command import ALIVE, SILENT, run_locally
from fairmesh.printing import print_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_name(parser)
    parser.add_argument("--end", action="store_true", help="end the connection")


def run(arguments: argparse.Namespace) -> int:
    """Open the connection, or end it."""
    transport = ssh_transport(arguments)
    ssh, name, socket = transport.ssh, transport.host, transport.ssh.socket("user")
    if arguments.end:
        is_ended = run_locally(ssh.command(f"-oControlPath={socket}", "-O", "exit")).returncode == 0
        print_lines(f"{name}: {'the connection has ended' if is_ended else 'no connection is open'}")
        return 0
    if ssh.is_open(socket):
        print_lines(f"{name}: a connection is open already")
        return 0
    options = ("StrictHostKeyChecking=yes", f"ServerAliveInterval={ALIVE}", f"ServerAliveCountMax={SILENT}")
    shared = ("-oControlMaster=yes", f"-oControlPath={socket}", "-oControlPersist=yes", "-oClearAllForwardings=yes")
    # The questions of ssh and the answers go over the terminal of the user.
    if subprocess.call(ssh.command("-fNT", *(f"-o{option}" for option in options), *shared)):
        raise FairmeshError(f"{name}: no connection; `ssh -v {ssh.host}` says more")
    print_lines(f"{name}: connected; `fairmesh machines connect {name} --end` ends the connection")
    return 0
