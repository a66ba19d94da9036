"""``fairmesh check``: all mistakes at once, before anything starts."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fairmesh.cli import common
from fairmesh.errors import InputError, Problem
from fairmesh.printing import print_lines
from fairmesh.workflow.checking import Checked, check, check_file, check_folder, everything

STDIN = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument(
        "things",
        metavar="WHAT",
        nargs="*",
        help="a study by name; a file or folder of a study, an application, machines, a configuration, a profile; "
        "- for the text of a study",
    )
    parser.add_argument("--all", action="store_true", help="all that is here")
    common.add_machine(parser)
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Check everything that is named; 2 if there are mistakes."""
    if bool(arguments.things) == arguments.all:
        raise InputError([Problem("name what to check; or say --all")])
    root = common.find_root(Path.cwd())
    if arguments.all:
        paths = everything(Path(), root)
        found = [(check_folder if each.is_dir() else check_file)(each, root, arguments.machine) for each in paths]
    else:
        found = [_check(each, root, arguments.machine) for each in arguments.things]
    if arguments.json:
        common.print_json([each.to_json() for each in found])
    else:
        _tell(found)
    return InputError.exit_code if any(each.problems for each in found) else 0


def _check(given: str, root: Path, machine: str) -> Checked:
    """Check one thing; what is not there is a mistake like others."""
    try:
        return _text(machine) if given == STDIN else check(given, root, machine)
    except InputError as error:
        return Checked("study", given, problems=tuple(error.problems))


def _text(machine: str) -> Checked:
    """Check a study that comes through standard input, which may name an installed application alone."""
    from fairmesh.api import Project  # noqa: PLC0415  rarely needed
    from fairmesh.api.uploads import check_text  # noqa: PLC0415

    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InputError([Problem(f"standard input is not UTF-8: {error.reason}")]) from error
    plan = check_text(Project.of(), text, machine)
    says = f"{len(plan)} experiments of {plan.application.name}"
    return Checked("study", plan.study, says, tuple(plan.warnings))


def _tell(found: Sequence[Checked]) -> None:
    for each in found:
        for warning in each.warnings:
            print_lines(f"warning: {warning}", file=sys.stderr)
    problems = dict.fromkeys(str(problem) for each in found for problem in each.problems)
    for each in found:
        if not each.problems:
            print_lines(f"{each.name}: {each.kind}, right: {each.says}")
    for text in problems:
        print_lines(text, file=sys.stderr)
    if problems:
        wrong = sum(bool(each.problems) for each in found)
        mistakes = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        print_lines(f"{mistakes}, in {wrong} of {len(found)}", file=sys.stderr)
