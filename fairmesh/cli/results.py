"""``fairmesh results``: show the leaderboard of a study, or all experiments."""

from __future__ import annotations

import argparse

from fairmesh.cli import options
from fairmesh.cli.output import read_each, warn_of_unreadable
from fairmesh.printing import print_json, print_lines, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_results_study(parser)
    parser.add_argument("--all", action="store_true", help="show each experiment, instead of means over repeats")
    options.add_experiments(parser)
    parser.add_argument(
        "--where", metavar="EXPR", default="", help='only experiments for which EXPR is true: "accuracy > 0.9"'
    )
    parser.add_argument(
        "--sort", metavar="NAME", default="", help="sort by a metric, the best first, or by a parameter"
    )
    parser.add_argument("--wide", action="store_true", help="show all columns")
    parser.add_argument("--limit", metavar="N", type=options.count, help="show only the first N rows")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--csv", action="store_true", help="print CSV")
    how.add_argument("--json", action="store_true", help="print all details as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print the results."""
    from fairmesh.cli.results_table import ResultsTable  # noqa: PLC0415  imports pandas, not needed by --help

    studies = [options.results_study(arguments)] if arguments.csv else options.results_studies(arguments)
    table_options = (arguments.all, arguments.where, arguments.sort, arguments.limit, arguments.names)
    tables, failed = read_each(studies, lambda paths: ResultsTable.of(paths, *table_options))
    if arguments.json:
        contents = [table.to_json() for table in tables]
        print_json(contents[0] if len(studies) == 1 else contents)
    elif arguments.csv:
        print_table(tables[0].csv())
    else:
        print_lines("\n\n".join(table.text(arguments.wide) for table in tables))
    return failed | warn_of_unreadable([problem for table in tables for problem in table.view.study.problems])
