"""``fairmesh site``: build the website of all studies in the results folder."""

from __future__ import annotations

import argparse
from pathlib import Path

from fairmesh.cli import common
from fairmesh.site.build import build_site
from fairmesh.study.settings import load_config
from fairmesh.workflow.configuration import FILE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    common.add_results(parser)
    parser.add_argument("--site", metavar="DIR", type=Path, help="the folder of the website (the configuration's)")


def run(arguments: argparse.Namespace) -> int:
    """Build the website, and say where it is."""
    site = arguments.site or Path(load_config(FILE).site if FILE.exists() else "site/public")
    build_site(common.results_folder(arguments), site, common.find_root(Path.cwd()) / "site")
    print(f"open {site / 'index.html'}")
    return 0
