"""``fairmesh retry``: run again what ended without a result."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from fairmesh.cli import common, places
from fairmesh.cli.run import add_launching
from fairmesh.jobs.paths import StudyPaths
from fairmesh.printing import print_json, print_lines
from fairmesh.status import SteeringResult, check_will_start, clear, read_status
from fairmesh.status.launch import Command, rerun_command
from fairmesh.status.states import state_label


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    places.add_jobs(parser, "which to run again (all that ended without a result)")
    add_launching(parser)
    parser.add_argument("--json", action="store_true", help="print what is run again, and how, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Clear the way, and start the workflow for them."""
    paths = places.find_study(arguments.study, arguments.results)
    cleared = clear(paths, places.selection(arguments), dry_run=arguments.dry_run)
    started, words = _start(paths, cleared, arguments) if cleared.jobs else (None, "nothing to retry")
    if arguments.json:
        command = list(started.arguments) if started else None
        print_json(cleared.to_json() | {"command": command, "says": words, "dry_run": arguments.dry_run})
    else:
        _say(cleared, bool(arguments.names))
        print_lines(words)
    sys.stdout.flush()
    if started is None or arguments.dry_run:
        return 0
    said = sys.stderr if arguments.json else None
    done = subprocess.run(started.arguments, cwd=started.folder, env=started.environment, stdout=said, check=False)
    return done.returncode


def _start(paths: StudyPaths, cleared: SteeringResult, arguments: argparse.Namespace) -> tuple[Command | None, str]:
    """Return the command that runs them, none if a run that goes on does; and the line that says so."""
    status = read_status(paths)
    if status.run and status.run.is_alive and not arguments.wait:
        check_will_start(status, cleared.jobs)
        return None, f"{status.run.going}, and starts them in their turn"
    root = common.find_root(Path.cwd())
    made = rerun_command(paths, status.source, status.run, cleared.jobs, root, arguments.snakemake, arguments.wait)
    return made, str(made)


def _say(cleared: SteeringResult, others: bool) -> None:
    for each in cleared.others if others else ():
        print_lines(f"{each.name}: {state_label(each.state)}, nothing to retry")
    for each in cleared.jobs:
        print_lines(f"{each.name}: was {state_label(each.state)}" + (f", {each.reason}" if each.reason else ""))
