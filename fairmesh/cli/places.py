"""The arguments by which a person says which study, and which experiments of it. Nothing heavy is imported for them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from fairmesh.errors import FairmeshError, InputError
from fairmesh.printing import list_unreadable, print_lines
from fairmesh.runner.protocol import STATES
from fairmesh.status import JobSelection
from fairmesh.status.places import find_studies, find_study, results_of

__all__ = [
    "add_jobs",
    "add_results",
    "find_studies",
    "find_study",
    "read_each",
    "results_folder",
    "results_of",
    "selection",
    "warn_of_problems",
]

Given = TypeVar("Given")
Read = TypeVar("Read")


def read_each(studies: Sequence[Given], read: Callable[[Given], Read]) -> tuple[list[Read], int]:
    """Read several studies; one that cannot be read is named on standard error, and the others are read.

    Returns
    -------
    list, int
        What was read, and 1 if something was not.

    Raises
    ------
    FairmeshError
        If nothing can be read.
    """
    found, failures = [], list[FairmeshError]()
    for paths in studies:
        try:
            found.append(read(paths))
        except InputError:
            raise
        except FairmeshError as error:
            failures.append(error)
    if failures and not found:
        raise failures[0]
    for failure in failures:
        print_lines(failure, file=sys.stderr)
    return found, int(bool(failures))


def warn_of_problems(problems: Sequence[str]) -> int:
    """Name the files that cannot be read on standard error; return 1 if there are any."""
    for line in list_unreadable(problems):
        print_lines(line, file=sys.stderr)
    return int(bool(problems))


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add the option of the results folder."""
    parser.add_argument("--results", metavar="DIR", type=Path, help="the results folder (the configuration's)")


def results_folder(arguments: argparse.Namespace) -> Path:
    """Return the results folder that is named, else the configuration's."""
    return arguments.results or results_of(Path())


def add_jobs(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Add the arguments that name a study, and experiments or stages of it."""
    parser.add_argument("names", metavar="NAME", nargs="*", help=f"id, key, or an unambiguous beginning; {meaning}")
    parser.add_argument("--study", metavar="STUDY", default="", help="a name, a study file, or its results folder")
    add_results(parser)
    parser.add_argument("--where", metavar="EXPR", default="", help="those for which it is true: \"gpu == 'a100'\"")
    parser.add_argument(
        "--state", metavar="STATE", action="append", default=[], dest="states", help=f"one of {', '.join(STATES)}"
    )


def selection(arguments: argparse.Namespace) -> JobSelection:
    """Return the selection that the arguments mean."""
    return JobSelection(tuple(arguments.names), arguments.where, tuple(arguments.states))
