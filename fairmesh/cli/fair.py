"""``fairmesh fair``: assess the FAIR principles for a package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fairmesh.cli import options
from fairmesh.cli.output import progress, read_each, table, warn_of_unreadable
from fairmesh.errors import InputError, Problem
from fairmesh.extras import missing_note
from fairmesh.fair import validators
from fairmesh.fair.crate import DESCRIPTOR
from fairmesh.fair.scorecard import KINDS, SHOWN, Scorecard, Verdict, write_score
from fairmesh.printing import print_json, print_lines
from fairmesh.results.load import PLAN


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "path",
        metavar="RESULTS",
        nargs="?",
        help="the name of a study; or a results folder, the folder of a study, or a crate (all studies of the project)",
    )
    options.add_results(parser)
    parser.add_argument("--validators", action="store_true", help="run external validators, too, if installed")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Assess, write fair.json, and return 1 if a principle fails."""
    path = options.study_or_path(arguments, arguments.path) if arguments.path else options.results_folder(arguments)
    if arguments.validators and (note := missing_note("fair", "--validators")):
        print_lines(note, file=sys.stderr)
    folders = _packages(path)
    with progress("assessing") as report:

        def assess(folder: Path) -> Scorecard:
            report(folders.index(folder), len(folders))
            return write_score(folder, validators.validate(folder) if arguments.validators else {})

        scorecards, failed = read_each(folders, assess)
    if arguments.json:
        print_json([scorecard.to_json() for scorecard in scorecards])
    else:
        print_lines("\n\n".join(map(_shown, scorecards)))
    failed |= warn_of_unreadable([line for scorecard in scorecards for line in scorecard.problems])
    return failed | int(any(scorecard.fails for scorecard in scorecards))


def _packages(path: Path) -> list[Path]:
    """Return the packages at a path: the folder itself, or the studies in it."""
    if (path / DESCRIPTOR).is_file():
        return [path]
    packages = sorted(descriptor.parent for descriptor in path.glob(f"*/{DESCRIPTOR}"))
    if not packages:
        planned = [plan.parent.name for plan in path.glob(f"*/{PLAN}")]
        hint = f"`fairmesh crate {planned[0]}` writes one" if planned else "name a results folder or a crate"
        raise InputError([Problem(f"{path} has no {DESCRIPTOR}; {hint}", "RESULTS")])
    return packages


def _shown(scorecard: Scorecard) -> str:
    counts = scorecard.counts
    rows = [(verdict.principle.code, verdict.state, _why(verdict)) for verdict in scorecard.verdicts]
    lines = [
        f"{scorecard.study}: {counts['met']} met, {counts['prepared']} prepared for deposit, {counts['fails']} failed",
        table(("", "state", "principle"), rows),
    ]
    for verdict in scorecard.verdicts:
        lines += [f"{verdict.principle.code}: {finding}" for finding in verdict.findings[:SHOWN]]
        if len(verdict.findings) > SHOWN:
            lines.append(f"{verdict.principle.code}: and {len(verdict.findings) - SHOWN} more")
    lines += [f"validator {name}: {verdict}" for name, verdict in scorecard.validators.items()]
    lines += [f"please provide {ask}" for ask in scorecard.asks]
    return "\n".join(lines)


def _why(verdict: Verdict) -> str:
    return f"{verdict.principle.text} ({KINDS[verdict.principle.kind].partition(':')[0]})"
