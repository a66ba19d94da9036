"""The arguments by which a person says which study, and which experiments of it. Nothing heavy is imported for them."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairmesh.live import Selection
from fairmesh.live.places import find_studies, find_study, results_of
from fairmesh.runner.protocol import STATES

__all__ = ["add_jobs", "add_results", "find_studies", "find_study", "results_folder", "results_of", "selection"]


def add_results(parser: argparse.ArgumentParser) -> None:
    """Add the option of the results folder."""
    parser.add_argument("--results", metavar="DIR", type=Path, help="the results folder (the configuration's)")


def results_folder(arguments: argparse.Namespace) -> Path:
    """Give the results folder that is named, else the configuration's."""
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


def selection(arguments: argparse.Namespace) -> Selection:
    """Give the selection that the arguments mean."""
    return Selection(tuple(arguments.names), arguments.where, tuple(arguments.states))
