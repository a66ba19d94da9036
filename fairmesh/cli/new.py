"""``fairmesh new``: create a study or an application."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from fairmesh.api.starters import LANGUAGES, new_application, new_from, new_study
from fairmesh.cli import options
from fairmesh.cli.output import warn_of_plan
from fairmesh.errors import InputError, Problem, place
from fairmesh.printing import count_text, print_lines
from fairmesh.study import load_plan
from fairmesh.study.find import find_applications, known_applications


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("name", metavar="NAME", help="the name of the study, or of the application and its study")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--application", metavar="APP", default="", help="create a study of this application")
    how.add_argument("--from", metavar="STUDY", default="", dest="other", help="copy this study")
    how.add_argument(
        "--program", choices=[*LANGUAGES], default="", help="create an application in this language, and a study"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the files, and print the next step."""
    root = options.project(arguments)
    name = arguments.name
    if arguments.program:
        written: Sequence[Path] = new_application(name, arguments.program, root)
    elif arguments.other:
        written = [new_from(name, arguments.other, root)]
    else:
        written = [new_study(name, arguments.application or _only(root), root)]
    for path in written:
        print_lines(f"wrote {place(path)}")
    plan = load_plan(written[-1], root, "local")
    warn_of_plan(plan)
    count = count_text(len(plan.experiments), "experiment")
    print_lines(f"{count} of {plan.application.name}; next: fairmesh plan {name}")
    return 0


def _only(root: Path) -> str:
    """Return the only application of the project, or else the only installed one."""
    known = sorted(find_applications(root) or known_applications(root))
    if len(known) != 1:
        raise InputError([Problem("use --application, --from or --program", "", ", ".join(known))])
    return known[0]
