"""``fairmesh retry``: run experiments again that ended without a result."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from fairmesh.cli import options
from fairmesh.cli.run import add_launching, snakemake_arguments
from fairmesh.jobs.paths import StudyPaths
from fairmesh.printing import print_json, print_lines
from fairmesh.status import SteeringResult, check_will_start, clear, read_status
from fairmesh.status.launch import Command, rerun_command
from fairmesh.status.states import state_label


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_jobs(parser, "to run again (all that ended without a result)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="list what would run, and print the command")
    add_launching(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Clear the experiments, and start the workflow for them."""
    selection = options.selected_jobs(arguments)
    paths = options.results_study(arguments)
    cleared = clear(paths, selection, dry_run=arguments.dry_run)
    for note in cleared.notes:
        print_lines(f"warning: {note}", file=sys.stderr)
    started, message = _start(paths, cleared, arguments) if cleared.jobs else (None, "nothing to retry")
    if arguments.json:
        words = list(started.arguments) if started else None
        print_json(cleared.to_json() | {"command": words, "says": message, "dry_run": arguments.dry_run})
    else:
        _print(cleared, bool(arguments.names))
        print_lines(message)
    sys.stdout.flush()
    if started is None or arguments.dry_run:
        return 0
    return started.run(sys.stderr if arguments.json else None)


def _start(paths: StudyPaths, cleared: SteeringResult, arguments: argparse.Namespace) -> tuple[Command | None, str]:
    """Return the command that runs them, or None if the run in progress does, and a message."""
    status = read_status(paths)
    if status.run and status.run.is_alive and not arguments.wait:
        check_will_start(status, cleared.jobs)
        return None, f"{status.run.going}, and will start them"
    project = partial(options.project, arguments)
    command = rerun_command(
        paths, status.source, status.run, cleared.jobs, project, snakemake_arguments(arguments), arguments.wait
    )
    return command, str(command)


def _print(cleared: SteeringResult, others: bool) -> None:
    for job in cleared.others if others else ():
        print_lines(f"{job.name}: {state_label(job.state)}, nothing to retry")
    for job in cleared.jobs:
        print_lines(f"{job.name}: was {state_label(job.state)}" + (f", {job.reason}" if job.reason else ""))
