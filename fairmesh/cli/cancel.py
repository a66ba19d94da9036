"""``fairmesh cancel``: end what runs, and take what is to come out of the run."""

from __future__ import annotations

import argparse
import sys

from fairmesh.cli import places
from fairmesh.errors import InputError, Problem
from fairmesh.printing import print_json, print_lines
from fairmesh.status import cancel
from fairmesh.status.states import state_label


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    places.add_jobs(parser, "which to cancel")
    parser.add_argument("--all", action="store_true", help="the whole run, which then starts nothing more")
    parser.add_argument("--json", action="store_true", help="print what was done as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Cancel."""
    selection = places.selection(arguments)
    if selection.is_everything != arguments.all:
        raise InputError([Problem("name what to cancel, by NAME, --where or --state; or say --all")])
    done = cancel(places.find_study(arguments.study, arguments.results), selection)
    for note in done.notes:
        print_lines(f"warning: {note}", file=sys.stderr)
    if arguments.json:
        print_json(done.to_json())
        return 0
    for each in done.jobs:
        print_lines(f"{each.name}: {state_label(each.state)}, is cancelled")
    if not arguments.all:
        for each in done.others:
            print_lines(f"{each.name}: {state_label(each.state)}, nothing to cancel")
    elif done.run and done.run.is_alive:
        print_lines(f"run {done.run.uuid[:8]} starts nothing more")
    elif not done.jobs:
        print_lines("nothing runs")
    return 0
