"""``fairmesh cancel``: cancel experiments, or a whole run."""

from __future__ import annotations

import argparse
import sys

from fairmesh.cli import options
from fairmesh.errors import InputError, Problem
from fairmesh.printing import print_json, print_lines
from fairmesh.status import cancel
from fairmesh.status.states import state_label


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_jobs(parser, "to cancel")
    parser.add_argument(
        "--all", action="store_true", help="cancel the whole run, which then starts no more experiments"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Cancel, and print the effect on each experiment."""
    selection = options.selected_jobs(arguments)
    if selection.is_everything != arguments.all:
        raise InputError([Problem("name experiments by NAME, --where or --state, or the whole run by --all")])
    result = cancel(options.results_study(arguments), selection)
    for note in result.notes:
        print_lines(f"warning: {note}", file=sys.stderr)
    if arguments.json:
        print_json(result.to_json())
        return 0
    for job in result.jobs:
        print_lines(f"{job.name}: {state_label(job.state)}, cancelled")
    if not arguments.all:
        for job in result.others:
            print_lines(f"{job.name}: {state_label(job.state)}, nothing to cancel")
    elif result.run and result.run.is_alive:
        print_lines(f"run {result.run.uuid[:8]} starts no more experiments")
    elif not result.jobs:
        print_lines("no run in progress")
    return 0
