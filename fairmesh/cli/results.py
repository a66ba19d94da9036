"""``fairmesh results``: what came out of a study, as the website's leaderboard shows it."""

from __future__ import annotations

import argparse

from fairmesh.cli import places
from fairmesh.cli.output import count
from fairmesh.printing import print_json, print_lines, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    parser.add_argument(
        "study", metavar="STUDY", nargs="?", default="", help="a name, a study file, or results (the configuration's)"
    )
    places.add_results(parser)
    parser.add_argument("--all", action="store_true", help="every experiment by itself, repeats not folded")
    parser.add_argument("--where", metavar="EXPR", default="", help='those for which it is true: "accuracy > 0.9"')
    parser.add_argument("--sort", metavar="NAME", default="", help="by this metric, the best first; or by a parameter")
    parser.add_argument("--wide", action="store_true", help="all columns, not only the most important")
    parser.add_argument("--limit", metavar="N", type=count, help="show the first N only")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--csv", action="store_true", help="numbers as CSV")
    how.add_argument("--json", action="store_true", help="all that is known, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Show the results."""
    from fairmesh.cli import results_text as texts  # noqa: PLC0415  pandas, which --help must not wait for

    if arguments.csv:
        found = [places.find_study(arguments.study, arguments.results)]
    else:
        found = places.find_studies(arguments.study, arguments.results)
    options = (arguments.all, arguments.where, arguments.sort, arguments.limit)
    boards, failed = places.read_each(found, lambda each: texts.Board.of(each, *options))
    if arguments.json:
        shown = [each.to_json() for each in boards]
        print_json(shown[0] if len(found) == 1 else shown)
    elif arguments.csv:
        print_table(boards[0].csv())
    else:
        print_lines("\n\n".join(each.text(arguments.wide) for each in boards))
    return failed | places.warn_of_problems([line for each in boards for line in each.view.study.problems])
