"""Arguments and options that several commands have, and their values."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from fairmesh.cli.output import warn_of_plan
from fairmesh.errors import InputError, Problem
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner.protocol import STATES
from fairmesh.status import JobSelection
from fairmesh.status.places import find_root, find_studies, results_of
from fairmesh.status.places import find_study as find_results

if TYPE_CHECKING:
    from fairmesh.study import Plan


NAME_HELP = "axes that tell it from other experiments (size=512,method=slices,#2), its id or key"


def count(text: str) -> int:
    """Return the number in an argument, which must be a whole number above 0."""
    if not text.isascii() or not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"must be a whole number above 0, not {text!r}")
    return int(text)


def add_study(parser: argparse.ArgumentParser, name: str = "study") -> None:
    """Add the argument of a study."""
    parser.add_argument(name, metavar=name.upper(), help="a name in config/studies, or the path of a study file")


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Add the option of a machine."""
    parser.add_argument("--machine", metavar="NAME", default="local", help="the machine to plan for (local)")


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add the option of the results folder."""
    parser.add_argument("--results", metavar="DIR", type=Path, help="the results folder (from config.yaml)")


def add_listening(parser: argparse.ArgumentParser, port: int) -> None:
    """Add the options of a server."""
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1: this computer only)")
    parser.add_argument("--port", type=int, default=port, help=f"the port to listen on ({port})")
    add_results(parser)
    parser.add_argument("--token-file", metavar="FILE", type=Path, help="the token file (~/.config/fairmesh/token)")
    parser.add_argument(
        "--name",
        metavar="HOST",
        action="append",
        default=[],
        dest="names",
        help="a host name under which it is reached",
    )
    parser.add_argument(
        "--root-path", metavar="PATH", default="", help="the path below which a proxy shows it, such as /fairmesh"
    )


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that select experiments of a plan, or change its study."""
    parser.add_argument(
        "--where", metavar="EXPR", default="", help='only experiments for which EXPR is true: "epochs > 1"'
    )
    parser.add_argument("--part", metavar="K/N", default="", help="the K-th of N parts of the study")
    parser.add_argument("--first", metavar="N", type=count, help="the first N experiments")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUES",
        action="append",
        default=[],
        dest="settings",
        help="values that replace those in the study file: epochs=1,5",
    )


def add_experiments(parser: argparse.ArgumentParser) -> None:
    """Add the option that names experiments."""
    parser.add_argument(
        "--experiment",
        metavar="NAME",
        action="append",
        default=[],
        dest="names",
        help="only the experiments of this point: size=512,method=slices; can be repeated",
    )


def selected_plan(arguments: argparse.Namespace, machine: str = "") -> Plan:
    """Return the plan that the arguments select, and print its warnings."""
    from fairmesh.study import load_plan  # noqa: PLC0415  a quarter of a second, not needed by status and logs
    from fairmesh.study.selection import PlanSelection, read_settings  # noqa: PLC0415

    plan = load_plan(arguments.study, project_root(), machine or arguments.machine, read_settings(arguments.settings))
    warn_of_plan(plan)
    return PlanSelection(arguments.where, arguments.part, arguments.first).of(plan)


def project_root() -> Path:
    """Return the folder of the Snakefile."""
    return find_root(Path.cwd())


def results_folder(arguments: argparse.Namespace) -> Path:
    """Return the results folder in the arguments, by default from config.yaml."""
    return arguments.results or results_of(Path())


def results_study(arguments: argparse.Namespace) -> StudyPaths:
    """Return the study in the arguments, which must have results."""
    return find_results(arguments.study, arguments.results)


def results_studies(arguments: argparse.Namespace) -> list[StudyPaths]:
    """Return the studies in the arguments, which must have results."""
    return find_studies(arguments.study, arguments.results)


def add_jobs(parser: argparse.ArgumentParser, purpose: str) -> None:
    """Add the arguments that select a study, and experiments or stages of it."""
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"{NAME_HELP}; {purpose}")
    parser.add_argument("--study", metavar="STUDY", default="", help="a name, a study file, or its results folder")
    add_results(parser)
    parser.add_argument(
        "--where", metavar="EXPR", default="", help="only experiments for which EXPR is true: \"gpu == 'a100'\""
    )
    parser.add_argument(
        "--state", metavar="STATE", action="append", default=[], dest="states", help=f"one of {', '.join(STATES)}"
    )


def selected_jobs(arguments: argparse.Namespace) -> JobSelection:
    """Return the selection in the arguments.

    Raises
    ------
    InputError
        If a name is a study file: these commands have an option for the study.
    """
    files = [name for name in arguments.names if name.endswith((".yaml", ".yml"))]
    if files:
        raise InputError([Problem(f"{files[0]!r} is not an experiment; to name a study, write --study {files[0]}")])
    return JobSelection(tuple(arguments.names), arguments.where, tuple(arguments.states))
