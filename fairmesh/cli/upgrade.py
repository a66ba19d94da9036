"""``fairmesh upgrade``: renew the files of a project that ``fairmesh init`` wrote."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import fairmesh
from fairmesh.api.upgrade import Change, WrittenFiles, apply_changes, planned_changes
from fairmesh.cli import options
from fairmesh.cli.output import is_interactive
from fairmesh.errors import InputError, Problem
from fairmesh.printing import print_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="show the differences without changing a file")
    how.add_argument("--yes", action="store_true", help="change the files without asking")


def run(arguments: argparse.Namespace) -> int:
    """Show what is new, and change the files if the user agrees."""
    root = options.project(arguments)
    known = WrittenFiles.read(root)
    known.check_version(root)
    changes = planned_changes(root, known)
    _print(changes)
    if arguments.dry_run:
        return 0
    if any(not change.conflict for change in changes) and not (arguments.yes or _agrees()):
        print_lines("nothing was changed")
        return 0
    if changes or known.version not in {"", fairmesh.__version__}:
        apply_changes(root, known, changes)
    for change in changes:
        print_lines(f"kept {change.path}: {change.conflict}" if change.conflict else f"wrote {change.path}")
    return 0


def _print(changes: Sequence[Change]) -> None:
    """Print the differences, each of them once."""
    if not changes:
        print_lines(f"all files are those of fairmesh {fairmesh.__version__}, or changed by you")
    for change in changes:
        if change.conflict:
            print_lines(f"{change.path} is left as it is, since {change.conflict}; apply by hand what you need of:")
        print_lines(change.diff)


def _agrees() -> bool:
    if not is_interactive():
        raise InputError(
            [Problem("nothing was changed; --yes changes the files, --dry-run only shows the differences")]
        )
    return input("Change these files? [y/N] ").strip().lower() in {"y", "yes"}
