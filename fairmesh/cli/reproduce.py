"""``fairmesh reproduce``: measure a recorded result again, and compare."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TextIO

from fairmesh.cli import options
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.names import value_text
from fairmesh.printing import print_json, print_lines
from fairmesh.study.selection import read_settings
from fairmesh.workflow.recorded import find, verify
from fairmesh.workflow.reproduce import Prepared, Reproduction, measure, new_folder, prepare

SHOWN = 10  # differences between environments


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "path",
        metavar="PATH",
        help="the name of a study; or a crate, the results of a study, an experiment or its record",
    )
    parser.add_argument(
        "--experiment",
        metavar="NAME",
        default="",
        help="the experiment: its axes that vary, id or key (the first one of the best point)",
    )
    parser.add_argument(
        "--to",
        metavar="DIR",
        type=Path,
        help="the new folder to run in (reproduction/, reproduction-2/ ...)",
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        dest="settings",
        help="a value that replaces the recorded one: seed=7",
    )
    parser.add_argument("--interval", action="store_true", help="accept values within the recorded interval")
    parser.add_argument("--yes", action="store_true", help="run without confirmation")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Measure again; return 1 if a metric differs."""
    if arguments.to is not None and arguments.to.exists() and not arguments.to.is_dir():
        raise InputError([Problem(f"{arguments.to} is a file, not a folder", "--to")])
    original = find(options.study_or_path(arguments, arguments.path), arguments.experiment)
    log = sys.stderr if arguments.json else sys.stdout
    outcome = original.outcome
    print_lines(f"{original.name} on {outcome.machine}, recorded {original.record.get('ended')}", file=log, flush=True)
    print_lines(verify(original), file=log, flush=True)
    project = options.optional_project(arguments)
    with new_folder(arguments.to) as folder:
        prepared = prepare(original, folder, project or folder, read_settings(arguments.settings))
        _show(prepared, log)
        if not arguments.yes:
            _confirm()
    result = measure(prepared, interval=arguments.interval, quiet=arguments.json)
    if arguments.json:
        _print_json(result)
    else:
        _print(result)
    return int(result.agrees is False)


def _show(prepared: Prepared, log: TextIO) -> None:
    """Print the commands, and the differences of this computer."""
    print_lines(f"these commands will run in {prepared.folder}, with your permissions:", file=log)
    for command in prepared.commands:
        print_lines(f"  {command}", file=log)
    differences = prepared.differences()
    if differences:
        print_lines(f"this computer differs in {len(differences)} ways:", file=log)
    for line in differences[:SHOWN]:
        print_lines(f"  {line}", file=log)
    if len(differences) > SHOWN:
        print_lines(f"  and {len(differences) - SHOWN} more", file=log)
    log.flush()


def _confirm() -> None:
    """Ask for confirmation.

    Raises
    ------
    InputError
        If standard input is not a terminal.
    FairmeshError
        If the answer is no.
    """
    if not sys.stdin.isatty():
        raise InputError([Problem("there is no terminal to ask for confirmation; --yes gives it")])
    sys.stderr.write("run it? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise FairmeshError("nothing was run")


def _print_json(result: Reproduction) -> None:
    print_json(
        {
            "experiment": result.original.outcome.id,
            "name": result.original.name,
            "machine": result.original.outcome.machine,
            "agrees": result.agrees,
            "changed": dict(result.changed),
            "metrics": [vars(agreement) for agreement in result.agreements],
            "environment": result.differences(),
        }
    )


def _print(result: Reproduction) -> None:
    given = result.original.record["parameters"]
    for name, value in result.changed.items():
        print_lines(f"changed: {name} = {value_text(value)}, recorded with {value_text(given.get(name))}")
    for agreement in result.agreements:
        print_lines(agreement)
    print_lines(_verdict(result))
    differences = result.differences()
    if result.agrees is False and differences:
        print_lines(f"the environments differ in {len(differences)} ways:")
        print_lines("\n".join(f"  {difference}" for difference in differences[:SHOWN]))


def _verdict(result: Reproduction) -> str:
    if result.agrees is None:
        return "no metric can be compared"
    differ = sum(agreement.state == "differs" for agreement in result.agreements)
    return (
        "the results agree"
        if result.agrees
        else f"the results do not agree: {differ} of {len(result.agreements)} metrics differ"
    )
