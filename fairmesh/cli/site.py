"""``fairmesh site``: build the website of all studies in the results folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairmesh.cli import common, places
from fairmesh.cli.progress import progress
from fairmesh.live.places import configured
from fairmesh.printing import print_lines
from fairmesh.site.build import build_site


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    places.add_results(parser)
    parser.add_argument("--site", metavar="DIR", type=Path, help="the folder of the website (the configuration's)")


def run(arguments: argparse.Namespace) -> int:
    """Build the website, and say where it is."""
    site = arguments.site or Path(configured("site", Path()) or "site/public")
    with progress("building the website"):
        problems = build_site(places.results_folder(arguments), site, common.find_root(Path.cwd()) / "site")
    print_lines(f"open {site / 'index.html'}")
    return places.warn_of_problems(problems)
