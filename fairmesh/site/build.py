"""The website of a results folder: pages are written, MkDocs builds them, the new site takes the old one's place."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from fairmesh.errors import FairmeshError
from fairmesh.files import write_text
from fairmesh.results import load_study
from fairmesh.results.load import PLAN
from fairmesh.site import bundles
from fairmesh.site.citing import catalogue
from fairmesh.site.experiment_page import choose, write_experiment_page
from fairmesh.site.figures import StudyFigures
from fairmesh.site.folder import MARKER, check_replaceable, contents
from fairmesh.site.study_page import write_study_pages
from fairmesh.site.templating import environment, escape
from fairmesh.site.thumbnails import Thumbnails
from fairmesh.site.view import StudyView

_STUDIES_HERE = "<!-- studies -->"
_LINES_SHOWN = 15


def build_site(results: Path, site: Path, project: Path, archives: Path | None = None) -> None:
    """Build the website of all studies in a results folder.

    Parameters
    ----------
    results : Path
        The results folder; every folder in it with a plan is a study.
    site : Path
        The folder of the website; it is replaced as a whole. ``build`` beside it is for the work.
    project : Path
        The MkDocs project with the documentation.
    archives : Path or None
        The folder with the archives of crates, ``<study>-<version>.zip``, if readers are to have them.

    Raises
    ------
    FairmeshError
        If ``site`` holds something else than such a website, a plan cannot be read, or MkDocs refuses.
    """
    site = site.resolve()
    work = site.parent / "build" / site.name
    check_replaceable(site)
    work.mkdir(parents=True, exist_ok=True)
    with _alone(work / "lock"):
        views = [StudyView(load_study(results, name)) for name in _studies(results)]
        views.sort(key=lambda view: view.date, reverse=True)
        _assemble(views, work, project.resolve(), archives)
        _run_mkdocs(work)
        _drop_source_maps(work / "new")
        _swap(work / "new", site, work / "old")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait for others who build the same site; the lock ends with the process that holds it."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _studies(results: Path) -> list[str]:
    return sorted(path.parent.name for path in results.glob(f"*/{PLAN}"))


def _assemble(views: list[StudyView], work: Path, project: Path, archives: Path | None) -> None:
    docs = work / "docs"
    shutil.rmtree(docs, ignore_errors=True)
    shutil.copytree(project / "docs", docs)
    templates, thumbnails = environment(), Thumbnails(work / "thumbnails")
    for view in views:
        figures = StudyFigures(view.study.folder, docs / "studies" / view.study.name, thumbnails)
        found = {outcome.key: write_experiment_page(view, outcome, figures, templates) for outcome in choose(view)}
        write_study_pages(view, found, docs, templates, archives)
    thumbnails.forget_others()
    home = (docs / "index.md").read_text(encoding="utf-8")
    studies = templates.get_template("studies.html.jinja").render(views=views, linked_data=catalogue(views))
    write_text(docs / "index.md", home.replace(_STUDIES_HERE, studies))
    if views:
        names = {view.study.name: view.title for view in views}
        compare = templates.get_template("compare.md.jinja").render(views=views, names=names, root="")
        write_text(docs / "compare.md", compare)
    bundles.place(docs, work)
    write_text(work / "mkdocs.yml", json.dumps(_configuration(views, project)))


def _configuration(views: list[StudyView], project: Path) -> dict[str, Any]:
    """Give the project's configuration with the studies in its navigation."""
    base = project / "mkdocs.yml"
    home, *documentation = yaml.safe_load(base.read_text(encoding="utf-8"))["nav"]
    studies = [{str(escape(view.title)): f"studies/{view.study.name}/index.md"} for view in views]
    nav = [home, *([{"Studies": [*studies, {"Compare": "compare.md"}]}] if studies else []), *documentation]
    about = {"INHERIT": str(base), "docs_dir": "docs", "nav": nav}
    publishers = [view.study.plan.get("publisher") or {} for view in views]
    if names := [str(escape(publisher["title"])) for publisher in publishers if publisher.get("title")]:
        about["site_name"] = names[0]
    # Without it the links of the page for what is not found begin at the root of the host, wherever the site lies.
    addresses = [str(publisher.get("url") or "") for publisher in publishers]
    if known := [address for address in addresses if address.startswith(("https://", "http://"))]:
        about["site_url"] = f"{known[0].rstrip('/')}/"
    return about


def _run_mkdocs(work: Path) -> None:
    # Not with -q: it would hide broken links from --strict.
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--config-file", str(work / "mkdocs.yml")]
    command += ["--site-dir", str(work / "new")]
    settings = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        told = "\n".join(done.stdout.splitlines()[-_LINES_SHOWN:])
        raise FairmeshError(f"the website could not be built (mkdocs ended with {done.returncode}):\n{told}")


def _drop_source_maps(new: Path) -> None:
    """Take away what only those need who mend the theme: a megabyte."""
    for path in (new / "assets").rglob("*.map"):
        path.unlink()


def _swap(new: Path, site: Path, old: Path) -> None:
    write_text(new / MARKER, "This folder is replaced as a whole whenever the website is built.\n")
    shutil.rmtree(old, ignore_errors=True)
    try:
        if site.exists():
            site.rename(old)
        new.rename(site)
    except OSError as error:
        if error.errno not in {errno.EBUSY, errno.EXDEV} or not site.is_dir():
            raise
        _fill(site, new)
        shutil.rmtree(new)
    shutil.rmtree(old, ignore_errors=True)


def _fill(site: Path, new: Path) -> None:
    """Replace what is in a folder that cannot be renamed, such as a mount point: copied first, then renamed."""
    beside = site / f"{MARKER}-new"
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(new, beside)
    for path in contents(site):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in (*(path for path in beside.iterdir() if path.name != MARKER), beside / MARKER):
        path.rename(site / path.name)
    beside.rmdir()
