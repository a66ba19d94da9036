"""``fairmesh run``: run a study with a profile, like ``snakemake --profile``."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fairmesh.cli import options
from fairmesh.cli.detach import check_detached, run_detached
from fairmesh.errors import InputError, Problem
from fairmesh.printing import print_lines
from fairmesh.project import PROFILE_CONFIG, find_profile, is_path, study_of_run, text_of
from fairmesh.schema import load_yaml
from fairmesh.status.launch import PROFILE, run_command
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
    parser.add_argument(
        "--detach",
        action="store_true",
        help="run in the background: the run continues when the terminal is closed",
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="list what would run, and why")
    parser.add_argument("--print-command", action="store_true", help="print the command of Snakemake, and run nothing")
    add_launching(parser)


def add_launching(parser: argparse.ArgumentParser) -> None:
    """Add the options of commands that start the workflow."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--quiet", action="store_true", help="print only failures and the end")
    how.add_argument("--verbose", action="store_true", help="print Snakemake's own output, too")
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
    more = [*snakemake_arguments(arguments), *(["--dry-run"] if arguments.dry_run else [])]
    command = run_command(project, arguments.profile, config, more)
    if not arguments.print_command:
        _check_executor(project, arguments.profile or PROFILE)
    if arguments.detach:
        check_detached(arguments)
        return run_detached(arguments, command, config)
    if arguments.print_command:
        print_lines(command)
        return 0
    return command.run()


def _check_executor(project: Path, profile: str) -> None:
    """Check that the plugin of the profile's executor is installed, before Snakemake prints all of its options."""
    from fairmesh.cli.doctor.base import FAIL  # noqa: PLC0415  not needed by other commands
    from fairmesh.cli.doctor.installation import executor  # noqa: PLC0415

    config = find_profile(profile, project) / PROFILE_CONFIG
    found = executor(text_of(load_yaml(config), "executor") or "local", lambda name: find_spec(name) is not None, None)
    if found.level == FAIL:
        raise InputError([Problem(f"{config}: 'executor': {found.message}; {found.advice}")])


def snakemake_arguments(arguments: argparse.Namespace) -> list[str]:
    """Return the arguments for Snakemake that commands which start the workflow have in common."""
    return [*arguments.snakemake, *(f"--{name}" for name in ("quiet", "verbose") if getattr(arguments, name))]
