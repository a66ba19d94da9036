"""``fairmesh compare``: experiments or studies side by side."""

from __future__ import annotations

import argparse

from fairmesh.cli import places
from fairmesh.errors import InputError, Problem
from fairmesh.printing import print_json, print_lines

MOST = 26  # sides; each has a letter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument(
        "names",
        metavar="SIDE",
        nargs="+",
        help="an experiment by id, key or unambiguous beginning, a point by its id without repeat, a study (its best "
        "point); STUDY:NAME of another study",
    )
    parser.add_argument("--study", metavar="STUDY", default="", help="whose experiments (the configuration's)")
    places.add_results(parser)
    parser.add_argument("--all", action="store_true", help="show what is the same, too")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Compare with the first."""
    from fairmesh.cli import compare_text  # noqa: PLC0415  pandas, which --help must not wait for

    if not 2 <= len(arguments.names) <= MOST:
        raise InputError([Problem(f"name 2 to {MOST} experiments or studies, not {len(arguments.names)}")])
    problems = list[str]()
    try:
        found = compare_text.compare(arguments.names, arguments.study, arguments.results, problems)
    finally:
        failed = places.warn_of_problems(problems)
    if arguments.json:
        print_json(found.to_json())
    else:
        print_lines("\n".join(compare_text.lines(found, arguments.all)))
    return failed
