"""What the world sees: results with names hidden, described anew, packed, and shown on a website."""

from __future__ import annotations

import tempfile
from pathlib import Path

from fairmesh.fair.archive import write_archive
from fairmesh.fair.documents import describe
from fairmesh.fair.scorecard import write_score
from fairmesh.results import load_study, table, write_csv
from fairmesh.results.load import PLAN
from fairmesh.runner.protocol import ENVIRONMENTS
from fairmesh.site.build import build_site
from fairmesh.site.folder import check_replaceable
from fairmesh.study.settings import Publishing
from fairmesh.workflow.packing import package
from fairmesh.workflow.redaction import Redaction, redact_environments, redact_study


def publish_to_world(results: Path, to: Path, root: Path, rules: Publishing) -> list[str]:
    """Build a website with crates of all studies into a folder.

    Parameters
    ----------
    results, to : Path
        The results folder, in which the documents are brought up to date, and the folder of the website, which is
        replaced as a whole.
    root : Path
        The folder of the Snakefile.
    rules : Publishing
        What is hidden.

    Returns
    -------
    list of str
        The studies.

    Raises
    ------
    FairmeshError
        If something cannot be read, or ``to`` holds something else than such a website.
    """
    check_replaceable(to)
    names = sorted(path.parent.name for path in results.glob(f"*/{PLAN}"))
    with tempfile.TemporaryDirectory(prefix="fairmesh-publish-") as name:
        copies, archives = Path(name) / results.name, Path(name) / "archives"
        for study in names:
            package(results, study, root)
            _copy(results, study, copies, root, rules)
            _describe(copies, study, archives)
        build_site(copies, to, root / "site", archives)
    return names


def _copy(results: Path, study: str, copies: Path, root: Path, rules: Publishing) -> None:
    hidden = Redaction.of(results / study, root, rules.hide, rules.logs)
    redact_study(results / study, copies / study, hidden)
    redact_environments(results / ENVIRONMENTS, copies / ENVIRONMENTS, hidden)


def _describe(copies: Path, study: str, archives: Path) -> None:
    """Write the documents of a copy anew, for its files have other hashes; it is packed already."""
    found = load_study(copies, study)
    frame = table(found)
    write_csv(frame, found.folder / "results.csv")
    described = describe(found, frame)
    if described:
        write_score(found.folder)
        write_archive(described.package, archives)
