"""``fairmesh retry``: run again what ended without a result."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path

from fairmesh.cli import common, places
from fairmesh.cli.run import add_launching
from fairmesh.live import Steered, check_to_come, clear, read_status
from fairmesh.live.launch import again


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
        check_to_come(status, cleared.jobs)
        print(f"{status.run.going}, and starts them in their turn")
        return 0
    root = common.find_root(Path.cwd())
    started = again(paths, status.source, status.run, cleared.jobs, root, arguments.snakemake, arguments.wait)
    print(started, flush=True)
    return 0 if arguments.dry_run else subprocess.run(started.arguments, cwd=started.folder, check=False).returncode


def _say(cleared: Steered) -> None:
    for each in cleared.jobs:
        print(f"{each.name}: was {each.state}" + (f", {each.reason}" if each.reason else ""))
