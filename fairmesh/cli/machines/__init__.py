"""``fairmesh machines``: list machines, and commands for them: one module of this package for each."""

from __future__ import annotations

import argparse
from importlib import import_module

from fairmesh.cli import options
from fairmesh.cli.machines import listing
from fairmesh.cli.parser import Parser, add_subcommand

SUBCOMMANDS = {
    "check": "connect to machines, show what they have, and suggest fixes",
    "trust": "show the host key of a machine, and add it to the known hosts of ssh",
    "connect": "log in to a machine that asks for a password or a second factor, and keep the connection open",
    "clean": "free the space that this project takes on a machine, except that of open experiments",
    "down": "destroy the instances of rented machines, and wait until the provider lists them no more",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_results(parser)
    parser.add_argument("--json", action="store_true", help="print all details as JSON")
    commands = parser.add_subparsers(
        title="commands; without one, the machines are listed", metavar="COMMAND", parser_class=Parser
    )
    for name, text in SUBCOMMANDS.items():
        module = import_module(f"fairmesh.cli.machines.{name}")
        subparser = add_subcommand(commands, name, text)
        module.add_arguments(subparser)
        options.add_project(subparser)
        subparser.set_defaults(run=module.run)


def run(arguments: argparse.Namespace) -> int:
    """List the machines."""
    return listing.run(arguments)
