"""``fairmesh reproduce``: a recorded result is measured again."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairmesh.cli import common
from fairmesh.errors import InputError, Problem
from fairmesh.names import value_text
from fairmesh.study.selection import read_settings
from fairmesh.workflow.reproduce import Reproduction, find, reproduce

SHOWN = 10  # differences of the environments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument(
        "path", metavar="PATH", type=Path, help="a crate, a study's results, an experiment or its record"
    )
    parser.add_argument(
        "--experiment",
        metavar="ID",
        default="",
        help="which of the crate, as ID or MACHINE/ID (the first of the best point)",
    )
    parser.add_argument(
        "--to", metavar="DIR", type=Path, default=Path("reproduction"), help="where it runs (reproduction/)"
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="a parameter with another value than the record's: seed=7",
    )
    parser.add_argument("--interval", action="store_true", help="a value inside the recorded interval agrees, too")
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Measure it again; 0 if every metric agrees, 1 if not."""
    if arguments.to.exists() and not arguments.to.is_dir():
        raise InputError([Problem(f"{arguments.to} is in the way: it is a file", "--to")])
    original = find(arguments.path, arguments.experiment)
    outcome = original.outcome
    if not arguments.json:
        print(f"{outcome.id} on {outcome.machine}, recorded {original.record.get('ended')}", flush=True)
    made = reproduce(
        original,
        arguments.to,
        common.find_root(Path.cwd()),
        read_settings(arguments.settings),
        interval=arguments.interval,
        quiet=arguments.json,
    )
    if arguments.json:
        _print_json(made)
    else:
        _tell(made)
    return int(not made.agrees)


def _print_json(made: Reproduction) -> None:
    common.print_json(
        {
            "experiment": made.original.outcome.id,
            "machine": made.original.outcome.machine,
            "agrees": made.agrees,
            "changed": dict(made.changed),
            "metrics": [vars(each) for each in made.agreements],
            "environment": made.differences(),
        }
    )


def _tell(made: Reproduction) -> None:
    given = made.original.record["parameters"]
    for name, value in made.changed.items():
        print(f"changed: {name} = {value_text(value)}, recorded with {value_text(given.get(name))}")
    for each in made.agreements:
        print(each)
    differ = sum(each.state == "differs" for each in made.agreements)
    print("it agrees" if made.agrees else f"it does not agree: {differ} of {len(made.agreements)} metrics differ")
    differences = made.differences()
    if not made.agrees and differences:
        print(f"the environments differ in {len(differences)} things:")
        print("\n".join(f"  {each}" for each in differences[:SHOWN]))
