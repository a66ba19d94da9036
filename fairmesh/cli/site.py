"""``fairmesh site``: build the website of all results."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fairmesh.cli import options
from fairmesh.cli.output import progress, warn_of_unreadable
from fairmesh.errors import place
from fairmesh.printing import print_lines
from fairmesh.project import configured_path

if TYPE_CHECKING:
    from fairmesh.site.pages import Omissions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_results(parser)
    parser.add_argument("--site", metavar="DIR", type=Path, help="the folder of the website (from config.yaml)")


def run(arguments: argparse.Namespace) -> int:
    """Build the website, and print its address; return 1 if a study is missing."""
    from fairmesh.site.build import build_site  # noqa: PLC0415  in an extra of the package

    site, results = arguments.site or _site(options.project(arguments)), options.results_folder(arguments)
    with progress("building the website"):
        omissions = build_site(results, site, options.optional_project(arguments) or Path())
    print_lines(f"open {site / 'index.html'}")
    return warn_of_omissions(omissions)


def _site(project: Path) -> Path:
    """Return the folder of the website that the configuration names."""
    return Path(place(project / (configured_path("site", project) or "site/public")))


def warn_of_omissions(omissions: Omissions) -> int:
    """Print what is missing on a website; return 1 if a study is missing or a file cannot be read."""
    for line in omissions.lines:
        print_lines(f"missing: {line}", file=sys.stderr)
    return max(int(bool(omissions.studies)), warn_of_unreadable(omissions.unreadable))
