"""``fairmesh crate``: the metadata of a study, and its archive for a repository."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from fairmesh.cli import options
from fairmesh.cli.output import progress
from fairmesh.errors import FairmeshError
from fairmesh.fair.archive import write_archive
from fairmesh.fair.package import APPLICATIONS, Package
from fairmesh.fair.scorecard import write_score
from fairmesh.printing import print_json, print_lines
from fairmesh.results import StudyResults
from fairmesh.workflow import packing
from fairmesh.workflow.configuration import publisher
from fairmesh.workflow.public import public_copy

WHOLE = "-whole"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_results_study(parser)
    parser.add_argument("--zip", action="store_true", help="write a zip file, and metadata for Zenodo beside it")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path(), help="the folder of the zip file (current folder)"
    )
    parser.add_argument("--whole", action="store_true", help="include logs, and names of people and computers")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write the metadata, and the archive with --zip."""
    paths, project = options.results_study(arguments), options.optional_project(arguments)
    with progress("packing"):
        study, _, described = packing.package(paths.home, paths.study, project or Path())
        if described is None:
            raise FairmeshError(f"no experiment of {study.name} has a result")
        counts = write_score(study.folder).counts
        written = _archive(study, described.package, arguments, project) if arguments.zip else ()
    missing = [str(note) for note in (*described.package.inventory.problems, *described.missing)]
    code = [file for file in described.package.inventory if file.path.startswith(f"{APPLICATIONS}/")]
    summary = {
        "crate": str(study.folder),
        "identifier": described.package.identifier,
        "version": described.package.version,
    }
    if arguments.json:
        print_json(summary | {"fair": counts, "missing": missing, "wrote": list(map(str, written))})
        return 0
    for note in missing:
        print_lines(f"missing: {note}", file=sys.stderr)
    print_lines(f"{summary['crate']}: {summary['identifier']}, version {summary['version']}")
    print_lines(f"{len(code)} files of the application, {sum(file.bytes for file in code) / 1e6:.1f} MB")
    print_lines(
        f"FAIR: {counts['met']} met, {counts['prepared']} prepared, {counts['fails']} failed; `fairmesh fair` shows why"
    )
    for path in written:
        print_lines(f"wrote {path}")
    return 0


def _archive(
    study: StudyResults, package: Package, arguments: argparse.Namespace, project: Path | None
) -> tuple[Path, Path]:
    if arguments.whole:  # another name, since this archive is not for publication
        return write_archive(package, arguments.out, WHOLE)
    return _public_archive(study, arguments.out, project)


def _public_archive(study: StudyResults, out: Path, project: Path | None) -> tuple[Path, Path]:
    """Write the archive of a copy without names of people and computers."""
    with tempfile.TemporaryDirectory(prefix="fairmesh-crate-") as folder:
        copy = public_copy(study, Path(folder), publisher(project), project)
        if copy is None:
            raise FairmeshError(f"no experiment of {study.name} has a result")
        return write_archive(copy.package, out)
