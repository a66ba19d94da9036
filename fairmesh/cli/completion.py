"""``fairmesh completion``: a script by which a shell completes verbs, options, and the names that there are."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from fairmesh.runner.protocol import STATES

SHELLS = ("bash", "zsh", "fish")

# What lists the names: Python would take a tenth of a second at every key. Written so that bash, zsh and fish read the
# same in it: no dollar, no pattern of files.
_LISTS = {
    "STUDY": "ls config/studies 2>/dev/null | sed -n 's/[.]yaml//p'",
    "PROFILE": "ls profiles 2>/dev/null | sed 's:^:profiles/:'",
    "MACHINE": "grep '^[A-Za-z0-9]' config/machines.yaml 2>/dev/null | cut -d: -f1",
    "APP": "find . examples -maxdepth 2 -name application.yaml 2>/dev/null | sed 's:/application.yaml::;s:.*/::'",
    "STATE": rf"printf '%s\n' {' '.join(STATES)}",
}
_OF_OPTIONS = {"--profile": "PROFILE", "--machine": "MACHINE", "--state": "STATE"}
_OF_METAVARS = {"STUDY": "STUDY", "OTHER": "STUDY", "WHAT": "STUDY", "SIDE": "STUDY", "APP": "APP"}
_PATHS = {"DIR": "directory", "RESULTS": "directory", "FROM": "directory", "FILE": "file", "PATH": "file"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument("shell", choices=SHELLS, help="the shell that the script is for")


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import shtab  # noqa: PLC0415  for this verb alone

    from fairmesh.cli import VERBS, parser  # noqa: PLC0415  it imports this module

    made, verbs = parser(*VERBS)
    for action in made._actions:
        action.help = action.help if action.help != argparse.SUPPRESS else ""  # the verbs, which shtab would not show
    for verb in verbs.values():
        for action in verb._actions:
            _add_values(action, {name: shtab.cmd(command) for name, command in _LISTS.items()} | shtab.CHOICE_FUNCTIONS)
    print(shtab.complete(made, shell=arguments.shell))
    return 0


def _add_values(action: argparse.Action, ways: Mapping[str, object]) -> None:
    """Say how the values of an argument are completed."""
    name = next((_OF_OPTIONS[option] for option in action.option_strings if option in _OF_OPTIONS), "")
    metavar = str(action.metavar or "")
    name = name or _OF_METAVARS.get(metavar, "") or _PATHS.get(metavar, "")
    if name and action.nargs != 0:
        setattr(action, "complete", ways[name])  # noqa: B010  shtab looks for what argparse does not know
