"""``fairmesh machines down``: destroy the instances of rented machines."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairmesh.cli import options
from fairmesh.cli.doctor.rented import list_proof
from fairmesh.cli.machines.choice import choose
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.machines.leaks import Leaks, Survey
from fairmesh.machines.providers import Instance
from fairmesh.machines.providers.base import HOME
from fairmesh.printing import print_lines
from fairmesh.study.machines import Machine


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("names", metavar="MACHINE", nargs="*", help="machines of kind cloud in config/machines.yaml")
    parser.add_argument("--all", action="store_true", help="all machines of kind cloud")
    parser.add_argument("--force", action="store_true", help="also instances that a run uses now")
    parser.add_argument(
        "--of", metavar="HOME", default="", help="instances of another results folder, as fairmesh doctor names it"
    )
    options.add_results(parser, default=argparse.SUPPRESS)


def run(arguments: argparse.Namespace) -> int:
    """Destroy, and wait until the provider lists the instances no more; return 1 if some may be left."""
    project = options.project(arguments)
    leaks = Leaks(_machines(arguments, project), options.results_folder(arguments), project)
    if arguments.names and leaks.names != [*dict.fromkeys(arguments.names)]:
        wrong = next(name for name in arguments.names if name not in leaks.names)
        raise InputError([Problem(f"{wrong} is not of kind cloud", "MACHINE", ", ".join(leaks.names))])
    if not leaks.names:
        print_lines("no machine of kind cloud in config/machines.yaml")
    return max((_down(leaks, name, arguments) for name in leaks.names), default=0)


def _machines(arguments: argparse.Namespace, project: Path) -> dict[str, Machine]:
    if not arguments.names and not arguments.all:
        raise InputError([Problem("name machines, or give --all", "fairmesh machines down")])
    return choose(project, arguments.names)


def _down(leaks: Leaks, name: str, arguments: argparse.Namespace) -> int:
    survey = leaks.survey(name)
    if survey.problem:
        print_lines(f"{name}: the provider does not answer: {survey.problem}")
        return 1
    chosen = _chosen(survey, arguments)
    try:
        left = leaks.destroy(survey, chosen)
    except FairmeshError as error:
        print_lines(f"{name}: {error}")
        return 1
    _report(survey, chosen, left, arguments)
    return 1 if left or survey.pending else 0


def _chosen(survey: Survey, arguments: argparse.Namespace) -> list[Instance]:
    if arguments.of:
        return [instance for instance in survey.others if instance.tags[HOME] == arguments.of]
    return [*survey.unused, *(survey.used if arguments.force else ())]


def _report(survey: Survey, chosen: list[Instance], left: list[Instance], arguments: argparse.Namespace) -> None:
    name = survey.name
    gone = [instance.id for instance in chosen if instance not in left]
    if gone:
        print_lines(f"{name}: destroyed: {', '.join(gone)}")
    if left:
        print_lines(f"{name}: still in the provider's list: {', '.join(instance.id for instance in left)}")
    if survey.used and not arguments.force:
        print_lines(
            f"{name}: in use by a run, left alone without --force: {', '.join(instance.id for instance in survey.used)}"
        )
    if survey.pending:
        print_lines(f"{name}: {len(survey.pending)} without an answer of the provider yet; repeat in two minutes")
    if not chosen and not survey.used:
        print_lines(f"{name}: no instance in the provider's list; {list_proof(survey)}")
