"""What the world sees: results with names taken out, packed, and shown on a website."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from fairmesh.fair.archive import write_archive
from fairmesh.results.load import PLAN
from fairmesh.runner.protocol import ENVIRONMENTS
from fairmesh.site.build import build_site
from fairmesh.site.folder import check_replaceable
from fairmesh.site.pages import Omissions
from fairmesh.study.settings import Publisher
from fairmesh.workflow.packing import package
from fairmesh.workflow.public import public_copy


def publish_public_site(
    results: Path, to: Path, root: Path, publisher: Publisher, report: Callable[[int, int], None] | None = None
) -> tuple[list[str], Omissions]:
    """Build a website with crates of all studies into a folder.

    Parameters
    ----------
    results, to : Path
        The results folder, in which the documents are brought up to date, and the folder of the website, which is
        replaced as a whole.
    root : Path
        The folder of the Snakefile.
    publisher : Publisher
        Says with ``redact``, ``hide`` and ``logs`` what is taken out.
    report : callable, optional
        Is told how many steps are done, and of how many: one for each study, and one for the website.

    Returns
    -------
    (list of str, Omissions)
        The studies that are published, and what is missing.

    Raises
    ------
    FairmeshError
        If ``to`` holds something else than such a website, or there is no space left.
    """
    check_replaceable(to)
    names = sorted(path.parent.name for path in results.glob(f"*/{PLAN}"))
    omissions = Omissions()
    with tempfile.TemporaryDirectory(prefix="fairmesh-publish-") as name:
        copies, archives = Path(name) / results.name, Path(name) / "archives"
        for at, study in enumerate(names):
            if report:
                report(at, len(names) + 1)
            with omissions.skip_study(study):
                omissions.unreadable += _pack(results, study, copies, archives, publisher, root)
        for study in omissions.studies:
            shutil.rmtree(copies / study, ignore_errors=True)
        build_site(copies, to, root / "site", archives, omissions)
    return [name for name in names if name not in omissions.studies], omissions


def _pack(results: Path, study: str, copies: Path, archives: Path, publisher: Publisher, root: Path) -> list[str]:
    """Write the public copy of a study and its archive; return the files of the study that cannot be read."""
    found, _, _ = package(results, study, root)
    described = public_copy(found, copies, publisher, root)
    if (copies / study / ENVIRONMENTS).is_dir():
        shutil.copytree(copies / study / ENVIRONMENTS, copies / ENVIRONMENTS, dirs_exist_ok=True)
    if described:
        write_archive(described.package, archives)
    return found.problems
