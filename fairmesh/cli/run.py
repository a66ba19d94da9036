"""``fairmesh run``: the workflow with a profile, which is what ``snakemake --profile`` does, too."""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path
from typing import Any

from fairmesh.cli import common
from fairmesh.printing import print_lines
from fairmesh.status.launch import PROFILE, run_command
from fairmesh.study.selection import read_settings

_WISHES = ("study", "where", "part", "first", "probe", "wait")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument(
        "study", metavar="STUDY", nargs="?", default="", help="a name, or a study file (the configuration's)"
    )
    parser.add_argument("--profile", metavar="DIR", default=PROFILE, help=f"where it runs ({PROFILE})")
    common.add_selection(parser)
    parser.add_argument(
        "--probe", action="store_true", help="the cheapest experiment of each kind first, the rest only if all succeed"
    )
    add_launching(parser)


def add_launching(parser: argparse.ArgumentParser) -> None:
    """Add the options of what starts the workflow."""
    parser.add_argument("--dry-run", action="store_true", help="start nothing, but print the command")
    parser.add_argument("--wait", action="store_true", help="first wait for the end of a run that goes on")
    parser.add_argument(
        "--snakemake", metavar="ARGUMENT", action="append", default=[], help="an argument more for Snakemake"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the study."""
    asked: dict[str, Any] = {name: getattr(arguments, name) for name in _WISHES}
    asked["set"] = read_settings(arguments.settings)
    config = {name: value for name, value in asked.items() if value}
    made = run_command(common.find_root(Path.cwd()), arguments.profile, config, arguments.snakemake)
    if arguments.dry_run:
        print_lines(made)
        return 0
    return subprocess.run(made.arguments, cwd=made.folder, env=made.environment, check=False).returncode
