"""``fairmesh import``: convert a Cloudmesh experiment."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from fairmesh.cloudmesh import import_files, write
from fairmesh.errors import place
from fairmesh.printing import print_lines


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "files",
        metavar="FILE",
        type=Path,
        nargs="+",
        help="cms ee configurations (YAML), a template (*.in.slurm, *.in.lsf, *.in.sh), a cms cc workflow (YAML)",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path(), help="the target folder (current folder)")
    parser.add_argument(
        "--name", metavar="NAME", default="", help="the name of study and application (from the first file)"
    )
    parser.add_argument(
        "--os", metavar="X,Y", default="", dest="variables", help="environment variables that {os.X} may use"
    )
    parser.add_argument("--force", action="store_true", help="replace existing files")


def run(arguments: argparse.Namespace) -> int:
    """Convert the files."""
    variables = [name.strip() for name in arguments.variables.split(",") if name.strip()]
    imported = import_files(arguments.files, arguments.name, variables)
    for path in write(imported, arguments.out, arguments.force):
        print_lines(f"wrote {place(path)}")
    for note in imported.notes:
        print_lines(f"note: {note}")
    study = shlex.quote(place(arguments.out / imported.study))
    print_lines(f"{imported.summary}: fairmesh plan {study}")
    return 0
