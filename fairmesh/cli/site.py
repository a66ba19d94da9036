"""``fairmesh site``: build the website of all studies in the results folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fairmesh.cli import common, places
from fairmesh.cli.progress import progress
from fairmesh.printing import print_lines
from fairmesh.site.build import build_site
from fairmesh.site.pages import Omissions
from fairmesh.status.places import configured_path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    places.add_results(parser)
    parser.add_argument("--site", metavar="DIR", type=Path, help="the folder of the website (the configuration's)")


def run(arguments: argparse.Namespace) -> int:
    """Build the website, and print where it is; 1 if a study is missing in it."""
    site = arguments.site or Path(configured_path("site", Path()) or "site/public")
    with progress("building the website"):
        omissions = build_site(places.results_folder(arguments), site, common.find_root(Path.cwd()) / "site")
    print_lines(f"open {site / 'index.html'}")
    return warn_of_omissions(omissions)


def warn_of_omissions(omissions: Omissions) -> int:
    """Name on standard error what a website lacks; return 1 if a study is missing or a file cannot be read."""
    for line in omissions.lines:
        print_lines(f"missing: {line}", file=sys.stderr)
    return max(int(bool(omissions.studies)), places.warn_of_problems(omissions.unreadable))
