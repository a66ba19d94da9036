"""``fairmesh site``: build the website of all studies in the results folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fairmesh.cli import common, places
from fairmesh.cli.progress import progress
from fairmesh.live.places import configured_path
from fairmesh.site.build import build_site


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    places.add_results(parser)
    parser.add_argument("--site", metavar="DIR", type=Path, help="the folder of the website (the configuration's)")


def run(arguments: argparse.Namespace) -> int:
    """Build the website, and print where it is; 1 if a study is missing in it."""
    site = arguments.site or Path(configured_path("site", Path()) or "site/public")
    with progress("building the website"):
        gaps = build_site(places.results_folder(arguments), site, common.find_root(Path.cwd()) / "site")
    for line in gaps.lines:
        print(f"missing: {line}", file=sys.stderr)
    print(f"open {site / 'index.html'}")
    return int(bool(gaps.studies))
