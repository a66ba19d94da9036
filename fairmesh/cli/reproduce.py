"""``fairmesh reproduce``: a recorded result is measured again."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TextIO

from fairmesh.cli import common
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.names import value_text
from fairmesh.printing import print_lines
from fairmesh.study.selection import read_settings
from fairmesh.workflow.recorded import find, verify
from fairmesh.workflow.reproduce import Prepared, Reproduction, measure, new_folder, prepare

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
        "--to",
        metavar="DIR",
        type=Path,
        help="where it runs, a new folder (reproduction/, reproduction-2/ ...)",
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
    parser.add_argument("--yes", action="store_true", help="run it without asking")
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Measure it again; 0 if no metric differs, 1 if one does."""
    if arguments.to is not None and arguments.to.exists() and not arguments.to.is_dir():
        raise InputError([Problem(f"{arguments.to} is in the way: it is a file", "--to")])
    original = find(arguments.path, arguments.experiment)
    said = sys.stderr if arguments.json else sys.stdout
    outcome = original.outcome
    print_lines(f"{outcome.id} on {outcome.machine}, recorded {original.record.get('ended')}", file=said, flush=True)
    print_lines(verify(original), file=said, flush=True)
    root = common.find_root(Path.cwd())
    with new_folder(arguments.to) as folder:
        prepared = prepare(original, folder, root, read_settings(arguments.settings))
        _show(prepared, said)
        if not arguments.yes:
            _ask()
    made = measure(prepared, interval=arguments.interval, quiet=arguments.json)
    if arguments.json:
        _print_json(made)
    else:
        _tell(made)
    return int(made.agrees is False)


def _show(prepared: Prepared, said: TextIO) -> None:
    """Print what will run, and in what this computer differs."""
    print_lines(f"this runs in {prepared.folder}, with your rights:", file=said)
    for command in prepared.commands:
        print_lines(f"  {command}", file=said)
    differences = prepared.differences()
    if differences:
        print_lines(f"this computer differs in {len(differences)} things:", file=said)
    for line in differences[:SHOWN]:
        print_lines(f"  {line}", file=said)
    if len(differences) > SHOWN:
        print_lines(f"  and {len(differences) - SHOWN} more", file=said)
    said.flush()


def _ask() -> None:
    """Ask whether to run it.

    Raises
    ------
    InputError
        If nobody can be asked.
    FairmeshError
        If the answer is no.
    """
    if not sys.stdin.isatty():
        raise InputError([Problem("nobody can be asked here whether to run this; --yes runs it", "--yes")])
    sys.stderr.write("run it? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise FairmeshError("nothing was run")


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
        print_lines(f"changed: {name} = {value_text(value)}, recorded with {value_text(given.get(name))}")
    for each in made.agreements:
        print_lines(each)
    print_lines(_verdict(made))
    differences = made.differences()
    if made.agrees is False and differences:
        print_lines(f"the environments differ in {len(differences)} things:")
        print_lines("\n".join(f"  {each}" for each in differences[:SHOWN]))


def _verdict(made: Reproduction) -> str:
    if made.agrees is None:
        return "whether it agrees cannot be said: no metric could be judged"
    differ = sum(agreement.state == "differs" for agreement in made.agreements)
    return "it agrees" if made.agrees else f"it does not agree: {differ} of {len(made.agreements)} metrics differ"
