"""``fairmesh run``: run a study with a profile, like ``snakemake --profile``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fairmesh.cli import options
from fairmesh.printing import print_lines
from fairmesh.project import is_path, study_of_run
from fairmesh.status.launch import run_command
from fairmesh.study.selection import read_settings

_CONFIG_KEYS = ("study", "where", "part", "first", "probe", "again", "wait")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_study(parser)
    options.add_profile(parser)
    options.add_selection(parser)
    parser.add_argument(
        "--probe",
        action="store_true",
        help="run the cheapest experiment of each kind first, the rest only if all succeed",
    )
    parser.add_argument(
        "--again", action="store_true", help="run experiments again that have a result; the old result becomes history"
    )
    add_launching(parser)


def add_launching(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that start the workflow."""
    parser.add_argument("--dry-run", action="store_true", help="print the command without running it")
    parser.add_argument("--wait", action="store_true", help="wait for the end of a run in progress")
    parser.add_argument(
        "--snakemake", metavar="ARGUMENT", action="append", default=[], help="a further argument for Snakemake"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the study."""
    values: dict[str, Any] = {name: getattr(arguments, name) for name in _CONFIG_KEYS}
    values["set"] = read_settings(arguments.settings)
    project = options.project(arguments)
    if is_path(arguments.study):
        values["study"] = study_of_run(Path(arguments.study), project)
    config = {name: value for name, value in values.items() if value}
    command = run_command(project, arguments.profile, config, arguments.snakemake)
    if arguments.dry_run:
        print_lines(command)
        return 0
    return command.run()
