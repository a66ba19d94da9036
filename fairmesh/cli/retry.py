"""``fairmesh retry``: run again what ended without a result."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from fairmesh.cli import common, places
from fairmesh.cli.run import add_launching
from fairmesh.errors import BusyError
from fairmesh.jobs.attempts import BAD_ENDS
from fairmesh.live import Steered, StudyStatus, clear, read_status
from fairmesh.live.launch import again

SHOWN = 5  # names in a message


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    places.add_jobs(parser, "which to run again (all that ended without a result)")
    add_launching(parser)


def run(arguments: argparse.Namespace) -> int:
    """Clear the way, and start the workflow for them."""
    paths = places.find_study(arguments.study, arguments.results)
    cleared = clear(paths, places.selection(arguments), dry_run=arguments.dry_run)
    for each in cleared.others if arguments.names else ():
        print(f"{each.name}: {each.state}, nothing to retry")
    if not cleared.jobs:
        print("nothing to retry")
        return 0
    _say(cleared)
    status = read_status(paths)
    if status.run and status.run.is_alive and not arguments.wait:
        return _in_their_turn(cleared, status)
    root = common.find_root(Path.cwd())
    started = again(paths, status.source, status.run, cleared.jobs, root, arguments.snakemake, arguments.wait)
    print(started, flush=True)
    return 0 if arguments.dry_run else subprocess.run(started.arguments, cwd=started.folder, check=False).returncode


def _say(cleared: Steered) -> None:
    for each in cleared.jobs:
        print(f"{each.name}: was {each.state}" + (f", {each.reason}" if each.reason else ""))


def _in_their_turn(cleared: Steered, status: StudyStatus) -> int:
    """Say what the run that goes on will do; what it has behind it, it does not do again."""
    meant = {each.folder for each in cleared.jobs}
    late = [each.name for each in status.experiments if each.folder in meant and each.state in BAD_ENDS]
    run = f"run {status.run.uuid[:8]} goes on as process {status.run.pid} on {status.run.host}" if status.run else ""
    if late:
        raise BusyError(f"{run}, and does not start these again; --wait waits for its end: {', '.join(late[:SHOWN])}")
    print(f"{run}, and starts them in their turn")
    return 0
