"""The website of a results folder: pages are written, MkDocs builds them, the new site takes the old one's place."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from fairmesh.errors import FairmeshError
from fairmesh.files import copy_tree, write_text
from fairmesh.jobs.lock import RunLock
from fairmesh.results import load_study
from fairmesh.results.load import PLAN
from fairmesh.runner.text import printable
from fairmesh.site import bundles
from fairmesh.site.citing import catalogue, entry
from fairmesh.site.experiment_page import choose, write_experiment_page
from fairmesh.site.figures import Figures, StudyFigures
from fairmesh.site.folder import MARKER, check_replaceable, contents
from fairmesh.site.renderer import Renderer, RendererError
from fairmesh.site.study_page import write_study_pages
from fairmesh.site.templating import environment, escape
from fairmesh.site.thumbnails import Thumbnails
from fairmesh.site.view import StudyView

_STUDIES_HERE = "<!-- studies -->"
_LINES_SHOWN = 15
_REASON = 300  # characters
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}  # what stops every study alike


@dataclass
class Gaps:
    """What a website lacks, and why.

    Parameters
    ----------
    studies : dict of str to str
        The studies that could not be shown, with the reason.
    pictures : dict of str to list of str
        The studies that lack pictures of charts, by the reason.
    parts : list of str
        What else is missing, a line each.
    unreadable : list of str
        The files that are there and cannot be read, a line each.
    """

    studies: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, list[str]] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """What does not appear, a line each."""
        studies = (f"the study {name}: {reason}" for name, reason in self.studies.items())
        pictures = (f"pictures of charts of {', '.join(names)}: {reason}" for reason, names in self.pictures.items())
        return [*studies, *pictures, *self.parts]

    @contextmanager
    def of_study(self, name: str) -> Iterator[None]:
        """Note an error as the end of one study: whatever is wrong with it, the others can be shown."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  records, tables and pictures come from anywhere
            self.studies[name] = _reason(error)

    @contextmanager
    def of_part(self, name: str) -> Iterator[None]:
        """Note an error as the end of one page."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  as above
            self.parts.append(f"{name}: {_reason(error)}")


def _reason(error: Exception) -> str:
    """Return an error as a line; one that every study would meet is raised again."""
    if isinstance(error, OSError) and error.errno in _NO_SPACE:
        raise error
    text = str(error) if isinstance(error, FairmeshError) else f"{type(error).__name__}: {error}"
    return printable(" ".join(text.split()))[:_REASON]


def build_site(
    results: Path, site: Path, project: Path, archives: Path | None = None, gaps: Gaps | None = None
) -> Gaps:
    """Build the website of all studies in a results folder.

    A study that cannot be read or shown is left out.

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
    gaps : Gaps or None
        What is missing already; the home page names it.

    Returns
    -------
    Gaps
        What is missing, because it could not be read or drawn.

    Raises
    ------
    FairmeshError
        If ``site`` holds something else than such a website, MkDocs refuses, or there is no space left.
    """
    site = site.resolve()
    work = site.parent / "build" / site.name
    check_replaceable(site)
    gaps = gaps or Gaps()
    try:
        work.mkdir(parents=True, exist_ok=True)
        with RunLock(work / "lock").held(), Renderer() as renderer:  # others may build the same site
            views = _load(results, gaps)
            _assemble(views, work, project.resolve(), renderer, archives, gaps)
            _run_mkdocs(work)
            _drop_source_maps(work / "new")
            _swap(work / "new", site, work / "old")
    except OSError as error:
        raise FairmeshError(": ".join(map(str, filter(None, (error.filename or work, error.strerror))))) from error
    return gaps


def _load(results: Path, gaps: Gaps) -> list[StudyView]:
    """Return the studies that can be read, the newest first."""
    dated = []
    for name in _studies(results):
        with gaps.of_study(name):
            view = StudyView(load_study(results, name))
            dated.append((view.date, view))
            gaps.unreadable += view.study.problems
    return [view for _, view in sorted(dated, key=lambda pair: pair[0], reverse=True)]


def _studies(results: Path) -> list[str]:
    return sorted(path.parent.name for path in results.glob(f"*/{PLAN}"))


def _assemble(
    views: list[StudyView], work: Path, project: Path, renderer: Renderer, archives: Path | None, gaps: Gaps
) -> None:
    docs = work / "docs"
    shutil.rmtree(docs, ignore_errors=True)
    copy_tree(project / "docs", docs)
    bundles.place_tables(docs, work)
    templates, thumbnails = environment(_place_charts(docs, work, renderer, gaps)), Thumbnails(work / "thumbnails")
    pages = Pages(docs, templates, renderer, thumbnails, archives, gaps)
    shown, cards = [], []
    for view in views:
        with gaps.of_study(view.study.name):
            cards.append(pages.write(view))
            shown.append(view)
    thumbnails.forget_others()
    _write_home(docs, templates, shown, cards, gaps)
    write_text(work / "mkdocs.yml", json.dumps(_configuration(shown, project)))


def _place_charts(docs: Path, work: Path, renderer: Renderer, gaps: Gaps) -> str:
    """Put the library of the charts into the documentation; return why there is none, empty if there is one."""
    try:
        bundles.place_charts(docs, work, renderer)
    except RendererError as error:
        gaps.parts.append(f"all charts: {error}")
        return str(error)
    return ""


@dataclass(frozen=True)
class Pages:
    """Writes the pages of studies.

    Parameters
    ----------
    docs : Path
        The folder of all pages.
    templates, renderer, thumbnails : jinja2.Environment, Renderer, Thumbnails
        What makes pages, pictures of charts, and small pictures.
    archives : Path or None
        The folder with the archives of crates.
    gaps : Gaps
        Gets what is missing.
    """

    docs: Path
    templates: jinja2.Environment
    renderer: Renderer
    thumbnails: Thumbnails
    archives: Path | None
    gaps: Gaps

    def write(self, view: StudyView) -> tuple[Markup, dict[str, Any]]:
        """Write the pages of a study; return its card for the home page, and its entry in the catalogue."""
        name = view.study.name
        folder = self.docs / "studies" / name
        try:
            figures = self._experiments(view, StudyFigures(view.study.folder, folder, self.thumbnails))
            reasons = write_study_pages(view, figures, self.docs, self.templates, self.renderer, self.archives)
            card = Markup(self.templates.get_template("card.html.jinja").render(view=view))  # noqa: S704  a template's
            listed = entry(view)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        for reason in reasons:
            self.gaps.pictures.setdefault(reason, []).append(name)
        return card, listed

    def _experiments(self, view: StudyView, figures: StudyFigures) -> dict[str, Figures]:
        """Write the pages of experiments; return the figures of each that has one."""
        found = {}
        for outcome in choose(view):
            with self.gaps.of_part(f"the page of {view.study.name}/{outcome.machine}/{outcome.id}"):
                found[outcome.key] = write_experiment_page(view, outcome, figures, self.templates)
        return found


def _write_home(
    docs: Path,
    templates: jinja2.Environment,
    views: list[StudyView],
    cards: list[tuple[Markup, dict[str, Any]]],
    gaps: Gaps,
) -> None:
    """Write the home page and the page that compares."""
    home = (docs / "index.md").read_text(encoding="utf-8")
    studies = templates.get_template("studies.html.jinja").render(
        cards=[card for card, _ in cards],
        linked_data=catalogue([listed for _, listed in cards]),
        missing=list(gaps.studies),
    )
    write_text(docs / "index.md", home.replace(_STUDIES_HERE, studies))
    if views:
        names = {view.study.name: view.title for view in views}
        compare = templates.get_template("compare.md.jinja").render(views=views, names=names, root="")
        write_text(docs / "compare.md", compare)


def _configuration(views: list[StudyView], project: Path) -> dict[str, Any]:
    """Return the project's configuration with the studies in its navigation."""
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
    copy_tree(new, beside)
    for path in contents(site):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in (*(path for path in beside.iterdir() if path.name != MARKER), beside / MARKER):
        path.rename(site / path.name)
    beside.rmdir()
