"""``fairmesh render``: write job folders that run without Snakemake."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from fairmesh.cli import options
from fairmesh.printing import count_text, print_lines
from fairmesh.workflow.application_copy import Code
from fairmesh.workflow.export import export


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_study(parser)
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="the target folder")
    options.add_machine(parser)
    options.add_selection(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the folders."""
    plan = options.selected_plan(arguments)
    script = export(plan, arguments.out, options.project_for(arguments, str(plan.source)))
    code = Code.of(plan.application)
    for note in code.notes:
        print_lines(f"warning: {note}", file=sys.stderr)
    count = count_text(len(plan.selected), "experiment")
    print_lines(f"{count} of {plan.study} for {plan.selected[0].machine} in {arguments.out}")
    print_lines(f"with a copy of {plan.application.name}: {code}")
    print_lines(f"start them, also after moving the folder: bash {shlex.quote(str(script))}")
    return 0
