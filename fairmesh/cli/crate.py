"""``fairmesh crate``: a study's metadata, and the archive that a repository takes."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from fairmesh.cli import common, places
from fairmesh.cli.progress import progress
from fairmesh.errors import FairmeshError
from fairmesh.fair.archive import write_archive
from fairmesh.fair.package import APPLICATIONS, Package
from fairmesh.fair.scorecard import write_score
from fairmesh.printing import print_lines
from fairmesh.results import StudyResults
from fairmesh.workflow import packing
from fairmesh.workflow.configuration import publisher
from fairmesh.workflow.public import public_copy

WHOLE = "-whole"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the verb."""
    common.add_study(parser)
    places.add_results(parser)
    parser.add_argument("--zip", action="store_true", help="write one zip file, and Zenodo's metadata beside it")
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path(), help="where the zip file goes (here)")
    parser.add_argument("--whole", action="store_true", help="zip it with logs, and with names of people and computers")
    parser.add_argument("--json", action="store_true", help="print what was written, and what is missing, as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Write the documents, and the archive if it is asked for."""
    paths, root = places.find_study(arguments.study, arguments.results), common.find_root(Path.cwd())
    with progress("packing"):
        study, _, described = packing.package(paths.home, paths.study, root)
        if described is None:
            raise FairmeshError(f"no experiment of {study.name} has a result yet")
        counts = write_score(study.folder).counts
        written = _archive(study, described.package, arguments, root) if arguments.zip else ()
    missing = [str(note) for note in (*described.package.inventory.problems, *described.missing)]
    code = [file for file in described.package.inventory if file.path.startswith(f"{APPLICATIONS}/")]
    found = {
        "crate": str(study.folder),
        "identifier": described.package.identifier,
        "version": described.package.version,
    }
    if arguments.json:
        common.print_json(found | {"fair": counts, "missing": missing, "wrote": list(map(str, written))})
        return 0
    for note in missing:
        print_lines(f"missing: {note}", file=sys.stderr)
    print_lines(f"{found['crate']}: {found['identifier']}, version {found['version']}")
    print_lines(f"{len(code)} files of the application, {sum(file.bytes for file in code) / 1e6:.1f} MB")
    print_lines(
        f"FAIR: {counts['met']} met, {counts['prepared']} prepared, {counts['fails']} fail; see `fairmesh fair`"
    )
    for path in written:
        print_lines(f"wrote {path}")
    return 0


def _archive(study: StudyResults, package: Package, arguments: argparse.Namespace, root: Path) -> tuple[Path, Path]:
    if arguments.whole:  # never under the name of the copy that others may have
        return write_archive(package, arguments.out, WHOLE)
    return _for_others(study, arguments.out, root)


def _for_others(study: StudyResults, out: Path, root: Path) -> tuple[Path, Path]:
    """Write the archive of a copy that does not tell who ran what where."""
    with tempfile.TemporaryDirectory(prefix="fairmesh-crate-") as place:
        copy = public_copy(study, Path(place), publisher(), root)
        if copy is None:
            raise FairmeshError(f"no experiment of {study.name} has a result yet")
        return write_archive(copy.package, out)
