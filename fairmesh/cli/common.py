"""What several verbs share: where things are, which study is meant, and how it is shown."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fairmesh.cli.output import count, csv_text, table
from fairmesh.printing import print_json, print_lines
from fairmesh.status.places import find_root
from fairmesh.study import Plan, load_plan
from fairmesh.study.selection import PlanSelection, read_settings

__all__ = [
    "add_machine",
    "add_selection",
    "add_study",
    "count",
    "csv_text",
    "find_root",
    "load_plan",
    "print_json",
    "selected_plan",
    "table",
    "warn",
]


def add_study(parser: argparse.ArgumentParser, name: str = "study") -> None:
    """Add the argument of a study."""
    parser.add_argument(name, metavar=name.upper(), help="a name in config/studies, or the path of a study file")


def add_machine(parser: argparse.ArgumentParser) -> None:
    """Add the option of a machine."""
    parser.add_argument("--machine", metavar="NAME", default="local", help="where it would run (local)")


def add_listening(parser: argparse.ArgumentParser, port: int) -> None:
    """Add the options of a face that listens: where, to whom, and for which results."""
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1: this computer alone)")
    parser.add_argument("--port", type=int, default=port, help=f"the port to listen on ({port})")
    parser.add_argument("--results", metavar="DIR", type=Path, help="the results folder (the configuration's)")
    parser.add_argument("--token-file", metavar="FILE", type=Path, help="where the token is (~/.config/fairmesh/token)")
    parser.add_argument(
        "--name", metavar="HOST", action="append", default=[], dest="names", help="a name by which others reach it"
    )
    parser.add_argument(
        "--root-path", metavar="PATH", default="", help="the path below which a proxy shows it: /fairmesh"
    )


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that select experiments, or change a study for one call."""
    parser.add_argument("--where", metavar="EXPR", default="", help='those for which it is true: "epochs > 1"')
    parser.add_argument("--part", metavar="K/N", default="", help="the K-th of N parts that make up the whole")
    parser.add_argument("--first", metavar="N", type=count, help="the first N of them")
    parser.add_argument(
        "--set",
        metavar="NAME=VALUES",
        action="append",
        default=[],
        dest="settings",
        help="values in place of the file's: epochs=1,5",
    )


def selected_plan(arguments: argparse.Namespace) -> Plan:
    """Load the plan that the arguments mean, and print its warnings."""
    whole = load_plan(arguments.study, find_root(Path.cwd()), arguments.machine, read_settings(arguments.settings))
    warn(whole)
    return PlanSelection(arguments.where, arguments.part, arguments.first).of(whole)


def warn(plan: Plan) -> None:
    """Print what a person should look at."""
    for warning in plan.warnings:
        print_lines(f"warning: {warning}", file=sys.stderr)
