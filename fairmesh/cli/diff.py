"""``fairmesh diff``: how two studies differ."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairmesh.cli import common
from fairmesh.printing import print_lines
from fairmesh.study import load_plan
from fairmesh.study.difference import PlanDifference, compare_plans


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    common.add_study(parser)
    common.add_study(parser, "other")
    common.add_machine(parser)
    parser.add_argument("--json", action="store_true", help="print the difference as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Show the difference."""
    root = common.find_root(Path.cwd())
    old, new = (load_plan(study, root, arguments.machine) for study in (arguments.study, arguments.other))
    found = compare_plans(old, new)
    if arguments.json:
        common.print_json(found.to_json())
        return 0
    for line in _lines(found):
        print_lines(line)
    print_lines(
        f"{len(found.added)} added, {len(found.removed)} removed, {len(found.changed)} changed, {found.same} the same"
    )
    return 0


def _lines(found: PlanDifference) -> list[str]:
    added = [f"+ {each}" for each in found.added]
    removed = [f"- {each}" for each in found.removed]
    changed = [f"~ {each}: {what}" for each, what in found.changed.items()]
    return [*removed, *added, *changed]
