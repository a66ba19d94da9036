"""``fairmesh diff``: the differences between the experiments of two studies."""

from __future__ import annotations

import argparse

from fairmesh.cli import options
from fairmesh.printing import print_json, print_lines
from fairmesh.study import load_plan
from fairmesh.study.difference import PlanDifference, compare_plans


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    for name in ("study", "other"):
        parser.add_argument(name, metavar=name.upper(), help="a name in config/studies, or the path of a study file")
    options.add_machine(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the differences."""
    project = options.project_for(arguments, arguments.study, arguments.other)
    old, new = (load_plan(study, project, arguments.machine) for study in (arguments.study, arguments.other))
    difference = compare_plans(old, new)
    if arguments.json:
        print_json(difference.to_json())
        return 0
    for line in _lines(difference):
        print_lines(line)
    print_lines(
        f"{len(difference.added)} added, {len(difference.removed)} removed, "
        f"{len(difference.changed)} changed, {difference.same} equal"
    )
    return 0


def _lines(difference: PlanDifference) -> list[str]:
    added = [f"+ {experiment}" for experiment in difference.added]
    removed = [f"- {experiment}" for experiment in difference.removed]
    changed = [f"~ {experiment}: {what}" for experiment, what in difference.changed.items()]
    return [*removed, *added, *changed]
