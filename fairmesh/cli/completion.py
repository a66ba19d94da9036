"""``fairmesh completion``: a script with which a shell completes commands, options and names."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping

from fairmesh.cli.commands import COMMANDS
from fairmesh.installed import installed
from fairmesh.project import CONFIG
from fairmesh.runner.protocol import STATES

SHELLS = ("bash", "zsh", "fish")


def _in_project(command: str) -> str:
    """Return a command that runs in the project folder; it must not contain quotes."""
    return f"sh -c 'until [ -f {CONFIG} ] || [ . -ef / ]; do cd ..; done; {command}' 2>/dev/null"


_INSTALLED = re.sub(r"[^\w./-]", "?", str(installed("profiles")))  # a pattern: quotes are not possible
# Shell commands that list the names, since Python would take a tenth of a second for each. They must mean the same in
# bash, zsh and fish: no dollar, no double quotes.
_LISTS = {
    "STUDY": _in_project("ls config/studies | sed -n s/[.]yaml//p"),
    "PROFILE": _in_project(f"ls -d profiles/* {_INSTALLED}/* | sed s:.*/:profiles/: | sort -u"),
    "MACHINE": _in_project("grep ^[A-Za-z0-9] config/machines.yaml | cut -d: -f1"),
    "APP": _in_project("find . examples -maxdepth 2 -name application.yaml | sed -e s:/application.yaml:: -e s:.*/::"),
    "STATE": rf"printf '%s\n' {' '.join(STATES)}",
}
_OF_OPTIONS = {"--profile": "PROFILE", "--machine": "MACHINE", "--state": "STATE"}
_OF_METAVARS = {"STUDY": "STUDY", "OTHER": "STUDY", "WHAT": "STUDY", "SIDE": "STUDY", "APP": "APP"}
_PATHS = {"DIR": "directory", "RESULTS": "directory", "FROM": "directory", "FILE": "file", "PATH": "file"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("shell", choices=SHELLS, help="the shell")


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import shtab  # noqa: PLC0415  only for this command

    from fairmesh.cli.parser import build_parser  # noqa: PLC0415  it imports this module

    parser, commands = build_parser(*COMMANDS)
    for action in parser._actions:
        action.help = action.help if action.help != argparse.SUPPRESS else ""  # the commands, which shtab would omit
    for command in commands.values():
        for action in command._actions:
            _add_values(action, {name: shtab.cmd(line) for name, line in _LISTS.items()} | shtab.CHOICE_FUNCTIONS)
    print(shtab.complete(parser, shell=arguments.shell))
    return 0


def _add_values(action: argparse.Action, completers: Mapping[str, object]) -> None:
    """Set how the values of an argument are completed."""
    name = next((_OF_OPTIONS[option] for option in action.option_strings if option in _OF_OPTIONS), "")
    metavar = str(action.metavar or "")
    name = name or _OF_METAVARS.get(metavar, "") or _PATHS.get(metavar, "")
    if name and action.nargs != 0:
        setattr(action, "complete", completers[name])  # noqa: B010  an attribute for shtab
