"""``fairmesh check``: find all mistakes before anything runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from fairmesh.cli import options
from fairmesh.errors import InputError, Problem
from fairmesh.printing import count_text, print_json, print_lines
from fairmesh.project import configured_study
from fairmesh.workflow.checking import Checked, check, check_file, check_folder, everything

STDIN = "-"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "targets",
        metavar="WHAT",
        nargs="*",
        help="the name of a study (from config.yaml); or the path of a study, application, configuration, file of "
        "machines or profile; - for a study on standard input",
    )
    parser.add_argument("--all", action="store_true", help="check everything in the project")
    options.add_machine(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Check all targets; return 2 if there are mistakes."""
    if arguments.targets and arguments.all:
        raise InputError([Problem("name what to check, or use --all")])
    if arguments.all:
        project = options.project(arguments)
        paths = everything(project)
        results = [(check_folder if path.is_dir() else check_file)(path, project, arguments.machine) for path in paths]
    else:
        targets = arguments.targets or [configured_study(options.project(arguments))]
        results = [_check(target, arguments) for target in targets]
    if arguments.json:
        print_json([result.to_json() for result in results])
    else:
        _print(results)
    return InputError.exit_code if any(result.problems for result in results) else 0


def _check(target: str, arguments: argparse.Namespace) -> Checked:
    """Check one target; report a missing one as a mistake."""
    project = options.project_for(arguments, target)
    try:
        return (_check_stdin if target == STDIN else check)(target, project, arguments.machine)
    except InputError as error:
        return Checked("study", target, problems=tuple(error.problems))


def _check_stdin(_: str, project: Path, machine: str) -> Checked:
    """Check the text of a study on standard input; its application must be installed."""
    from fairmesh.api import Project  # noqa: PLC0415  rarely needed
    from fairmesh.api.uploads import check_text  # noqa: PLC0415

    try:
        text = sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InputError([Problem(f"standard input is not UTF-8: {error.reason}")]) from error
    plan = check_text(Project.of(project), text, machine)
    summary = f"{count_text(len(plan), 'experiment')} of {plan.application.name}"
    return Checked("study", plan.study, summary, tuple(plan.warnings))


def _print(results: Sequence[Checked]) -> None:
    for result in results:
        for warning in result.warnings:
            print_lines(f"warning: {warning}", file=sys.stderr)
    problems = dict.fromkeys(str(problem) for result in results for problem in result.problems)
    for result in results:
        if not result.problems:
            print_lines(f"{result.name}: {result.kind}, valid: {result.says}")
    for text in problems:
        print_lines(text, file=sys.stderr)
    if problems:
        wrong = sum(bool(result.problems) for result in results)
        mistakes = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        print_lines(f"{mistakes}, in {wrong} of {len(results)}", file=sys.stderr)
