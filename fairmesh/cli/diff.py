"""``fairmesh diff``: the differences between the experiments of two studies."""

from __future__ import annotations

import argparse

from fairmesh.cli import options
from fairmesh.printing import print_json, print_lines
from fairmesh.study import load_plan
from fairmesh.study.difference import PlanDifference, compare_plans


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_study(parser)
    options.add_study(parser, "other")
    options.add_machine(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the differences."""
    root = options.project_root()
    old, new = (load_plan(study, root, arguments.machine) for study in (arguments.study, arguments.other))
    found = compare_plans(old, new)
    if arguments.json:
        print_json(found.to_json())
        return 0
    for line in _lines(found):
        print_lines(line)
    print_lines(
        f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed, {found.same} equal"
    )
    return 0


def _lines(found: PlanDifference) -> list[str]:
    added = [f"+ {experiment}" for experiment in found.added]
    removed = [f"- {experiment}" for experiment in found.removed]
    changed = [f"~ {experiment}: {what}" for experiment, what in found.changed.items()]
    return [*removed, *added, *changed]
