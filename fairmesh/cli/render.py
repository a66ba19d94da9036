"""``fairmesh render``: folders that run without Snakemake."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from fairmesh.cli import common
from fairmesh.printing import print_lines
from fairmesh.workflow.application_copy import Code
from fairmesh.workflow.export import export


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    common.add_study(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="the folder to write")
    common.add_machine(parser)
    common.add_selection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the folders."""
    plan = common.selected_plan(arguments)
    script = export(plan, arguments.out, common.find_root(Path.cwd()))
    code = Code.of(plan.application)
    for note in code.notes:
        print_lines(f"warning: {note}", file=sys.stderr)
    print_lines(f"{len(plan.selected)} experiments of {plan.study} for {arguments.machine} are in {arguments.out}")
    print_lines(f"with a copy of {plan.application.name}: {code}")
    print_lines(f"start them there, or wherever you move the folder: bash {shlex.quote(str(script))}")
    return 0
