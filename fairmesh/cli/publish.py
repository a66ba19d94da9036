"""``fairmesh publish``: the website and crates for the world."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairmesh.cli import common, places
from fairmesh.cli.progress import progress
from fairmesh.cli.site import warn_of_omissions
from fairmesh.printing import print_lines
from fairmesh.workflow.configuration import publisher
from fairmesh.workflow.public import publish_public_site


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    places.add_results(parser)
    parser.add_argument("--to", metavar="DIR", type=Path, required=True, help="the folder; it is replaced as a whole")


def run(arguments: argparse.Namespace) -> int:
    """Publish, and print what; 1 if a study is missing."""
    root = common.find_root(Path.cwd())
    with progress("publishing") as report:
        studies, omissions = publish_public_site(
            places.results_folder(arguments), arguments.to, root, publisher(), report
        )
    noun = "study" if len(studies) == 1 else "studies"
    print_lines(f"{len(studies)} {noun} published: {arguments.to / 'index.html'}")
    return warn_of_omissions(omissions)
