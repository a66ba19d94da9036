"""``fairmesh publish``: build a public website with crates."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from fairmesh.cli import options
from fairmesh.cli.output import progress
from fairmesh.cli.site import warn_of_omissions
from fairmesh.errors import place
from fairmesh.printing import print_lines
from fairmesh.project import CONFIG
from fairmesh.site.project import SiteProject
from fairmesh.workflow.configuration import publisher

PUBLISHED = "site/publish"
"""The folder of the public website, relative to the project's folder."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_results(parser)
    parser.add_argument(
        "--to", metavar="DIR", type=Path, help=f"the folder; all of its content is replaced ({PUBLISHED})"
    )


def run(arguments: argparse.Namespace) -> int:
    """Publish, and print the page; return 1 if a study is missing."""
    from fairmesh.workflow.public import publish_public_site  # noqa: PLC0415  in an extra of the package

    project = options.optional_project(arguments)
    to = arguments.to or Path(place(options.project(arguments) / PUBLISHED))
    with progress("publishing") as report:
        studies, omissions = publish_public_site(
            options.results_folder(arguments), to, project, publisher(project), report
        )
    for file in SiteProject.read(project).empty_requirements() if project else ():
        message = f"warning: {file} names no package; readers are told to install it (website.install in {CONFIG})"
        print_lines(message, file=sys.stderr)
    noun = "study" if len(studies) == 1 else "studies"
    print_lines(f"{len(studies)} {noun} published: {to / 'index.html'}")
    return warn_of_omissions(omissions)
