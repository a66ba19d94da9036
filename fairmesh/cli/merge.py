"""``fairmesh merge``: merge results of several machines or people into one folder."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from fairmesh.cli import options
from fairmesh.cli.output import progress
from fairmesh.errors import FairmeshError, InputError, Problem
from fairmesh.printing import count_text, print_json, print_lines
from fairmesh.project import CONFIG
from fairmesh.results.merge import Merge, prepare
from fairmesh.results.merge_apply import apply_merge, verify_merge
from fairmesh.runner.text import printable
from fairmesh.schema import Node
from fairmesh.study.find import find_application
from fairmesh.study.validation import load_application

RESULTS = "results"  # the usual name in a project
SHOWN = 20  # lines of a kind


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "sources", metavar="FROM", type=Path, nargs="+", help="a results folder, or the folder of a study in one"
    )
    parser.add_argument("--into", metavar="RESULTS", type=Path, required=True, help="the target folder")
    parser.add_argument(
        "--shared",
        metavar="MACHINE",
        action="append",
        default=[],
        help="a machine that several owners use, such as a cluster: its name is kept",
    )
    parser.add_argument("--dry-run", action="store_true", help="check everything without changing anything")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Merge; if something cannot be merged, merge nothing and return 1."""
    problems = [
        Problem(f"there is no folder {str(source)!r}", "FROM") for source in arguments.sources if not source.is_dir()
    ]
    problems += [
        Problem(f"{str(source)!r} is the target folder", "FROM")
        for source in arguments.sources
        if source.resolve() == arguments.into.resolve()
    ]
    problems += [
        Problem(f"{str(source)!r} is a project; its results are in {str(source / RESULTS)!r}", "FROM")
        for source in arguments.sources
        if (source / CONFIG).is_file() and (source / RESULTS).is_dir()
    ]
    if problems:
        raise InputError(problems)
    with progress("checking"):
        merge = prepare(arguments.sources, arguments.into, arguments.shared)
    missing: list[str] = []
    if not merge.conflicts:
        with progress("reading" if arguments.dry_run else "copying") as report:
            find_folder = partial(_folder_of, options.optional_project(arguments))
            missing = verify_merge(merge, report) if arguments.dry_run else apply_merge(merge, report, find_folder)
    if arguments.json:
        print_json(merge.to_json() | {"missing": missing, "dry_run": arguments.dry_run})
    _warn("skipped", merge.skipped)
    _warn("missing", missing)
    if merge.conflicts:
        raise FairmeshError(_conflicts(merge))
    if not arguments.json:
        _print(merge, arguments.dry_run)
    return 0


def _folder_of(project: Path | None, name: str, version: str) -> str:
    """Return the folder of an application if the project has it in this version, or an empty text."""
    if project is None or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):  # untrusted, so not a path
        return ""
    try:
        application = load_application(find_application(Node(name), Path(), project))
    except InputError:
        return ""
    return str(application.folder.resolve()) if application.version == version else ""


def _conflicts(merge: Merge) -> str:
    shown = [f"conflict: {printable(conflict)}" for conflict in merge.conflicts[:SHOWN]]
    more = [f"and {len(merge.conflicts) - SHOWN} more"] if len(merge.conflicts) > SHOWN else []
    return "\n".join([*shown, *more, "nothing was merged"])


def _warn(what: str, lines: Sequence[str]) -> None:
    for line in lines[:SHOWN]:
        print_lines(f"{what}: {printable(line)}", file=sys.stderr)
    if len(lines) > SHOWN:
        print_lines(f"{what}: and {len(lines) - SHOWN} more", file=sys.stderr)


def _print(merge: Merge, dry_run: bool) -> None:
    verb = "would be merged" if dry_run else "merged"
    for (study, machine), count in merge.counts.items():
        print_lines(f"{study}: {count} results of {machine} {verb}")
    for (study, machine), count in merge.attempt_counts.items():
        print_lines(f"{study}: {count_text(count, 'attempt')} without a result of {machine} {verb}")
    for study, count in merge.run_counts.items():
        print_lines(f"{study}: {count_text(count, 'run')} {verb}")
    for (study, machine), (name, owner) in merge.renamed.items():
        whose = printable(owner.organisation or owner.person)
        print_lines(f"{study}: {machine} of {whose} is {name} here, since {machine} belongs to another owner")
    for study, count in merge.same.items():
        print_lines(f"{study}: {count} results exist already")
    if not (merge.counts or merge.same or merge.attempts or merge.runs):
        print_lines("no results to merge")
