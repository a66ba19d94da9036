"""``fairmesh container``: write the recipe of an image with the locked software of an application."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from fairmesh.cli import options
from fairmesh.printing import print_lines
from fairmesh.project import configured_study
from fairmesh.schema import Node, load_yaml
from fairmesh.study.containers import IMAGE_PATTERN
from fairmesh.study.find import find_application, find_study
from fairmesh.study.validation import load_application
from fairmesh.workflow.recipe import APPTAINER, CONTAINERFILE, recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "application",
        metavar="APPLICATION",
        nargs="?",
        default="",
        help="a name, or a path of an application (that of the study in config.yaml)",
    )
    parser.add_argument(
        "--format",
        choices=(CONTAINERFILE, APPTAINER),
        default=CONTAINERFILE,
        help="for podman and docker, or for apptainer and singularity (containerfile)",
    )
    parser.add_argument("--base", metavar="IMAGE", type=_image, default="", help="the image to begin with (Python's)")
    parser.add_argument("--out", metavar="DIR", type=Path, help="the target folder (print the recipe)")


def run(arguments: argparse.Namespace) -> int:
    """Print the recipe, or write it with the file of packages."""
    application = load_application(_find(arguments))
    made = recipe(application, arguments.format, arguments.base)
    if arguments.out is None:
        print_lines(made.text.rstrip("\n"))
        return 0
    for path in made.write(arguments.out):
        print_lines(path)
    return 0


def _find(arguments: argparse.Namespace) -> Path:
    """Return the file of the application."""
    name = arguments.application
    if name:
        root = options.project_for(arguments, name)
        return find_application(Node(name), Path.cwd() / "the command line", root)
    root = options.project(arguments)
    study = find_study(configured_study(root), root)
    return find_application(load_yaml(study).entries.get("application", Node("")), study, root)


def _image(text: str) -> str:
    if text and not re.fullmatch(IMAGE_PATTERN, text, re.ASCII):
        raise argparse.ArgumentTypeError(f"must be the name of an image, not {text!r}")
    return text
