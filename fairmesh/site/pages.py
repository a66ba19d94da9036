"""The pages of the website: the home page, Compare, How to read, and the pages of each study.

A new page of the site is an entry of ``configuration.SITE_PAGES`` and a template; a new page of each study is an entry
of ``study_page.STUDY_PAGES`` and a template.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from errno import EDQUOT, ENOSPC, EROFS
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from fairmesh.errors import FairmeshError
from fairmesh.files import write_text
from fairmesh.names import plain_text
from fairmesh.runner.text import printable
from fairmesh.site import numbers, sentences
from fairmesh.site.configuration import SITE_PAGES
from fairmesh.site.escaping import escape, linked, script_json
from fairmesh.site.experiment_page import select_experiments, write_experiment_page
from fairmesh.site.figures import Figures, StudyFigures, Thumbnails
from fairmesh.site.metadata import catalog, catalog_entry
from fairmesh.site.overview import Overview
from fairmesh.site.project import HOME, RESULTS_MARK, SiteProject
from fairmesh.site.renderer import Renderer
from fairmesh.site.study_page import archive_names, write_study_pages
from fairmesh.site.view import StudyView
from fairmesh.status.states import STATE_MEANINGS, state_label
from fairmesh.study.website import OWN_MANUAL

_REASON = 300  # characters
_FATAL = {ENOSPC, EDQUOT, EROFS}  # errors that every study would meet


@dataclass
class Omissions:
    """The parts that a website lacks, and why.

    Parameters
    ----------
    studies : dict of str to str
        The studies that could not be shown, with the reason.
    pictures : dict of str to list of str
        The studies that lack pictures of charts, by the reason.
    parts : list of str
        Other missing parts, a line each.
    unreadable : list of str
        The files that exist and cannot be read, a line each.
    """

    studies: dict[str, str] = field(default_factory=dict)
    pictures: dict[str, list[str]] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """The missing parts, a line each."""
        studies = (f"the study {name}: {reason}" for name, reason in self.studies.items())
        pictures = (f"pictures of charts of {', '.join(names)}: {reason}" for reason, names in self.pictures.items())
        return [*studies, *pictures, *self.parts]

    @contextmanager
    def skip_study(self, name: str) -> Iterator[None]:
        """Record an error as the reason why one study is missing; the other studies are still shown."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  records, tables and pictures come from anywhere
            self.studies[name] = _reason(error)

    @contextmanager
    def skip_part(self, name: str) -> Iterator[None]:
        """Record an error as the reason why one page is missing."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  as above
            self.parts.append(f"{name}: {_reason(error)}")


def _reason(error: Exception) -> str:
    """Return an error as one line; an error that every study would meet is raised again."""
    if isinstance(error, OSError) and error.errno in _FATAL:
        raise error
    text = str(error) if isinstance(error, FairmeshError) else f"{type(error).__name__}: {error}"
    return printable(" ".join(text.split()))[:_REASON]


def build_environment(no_charts: str = "") -> jinja2.Environment:
    """Return the environment of the page templates, which escapes each value that they print.

    Parameters
    ----------
    no_charts : str
        Why pages have no interactive charts; empty if they have.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("fairmesh.site"),
        autoescape=True,
        finalize=escape,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "interval": numbers.interval_text,
        "front_matter": lambda text: Markup(json.dumps(escape(text))),  # noqa: S704  (escaped)
        "linked": linked,
        "script_json": script_json,
        "number": numbers.number,
        "spread": numbers.spread,
        "size": numbers.size,
        "state_label": state_label,
        "value": plain_text,
        "duration": numbers.measured_duration,
        "command": shell_command,
    }
    environment.globals |= {"headline": sentences.headline, "remarks": sentences.remarks, "no_charts": no_charts}
    return environment


def shell_command(words: Sequence[Any]) -> str:
    """Return a command as a shell takes it, the program without its folder.

    >>> shell_command(["/opt/bin/snakemake", "--config", "title=a b"])
    "snakemake --config 'title=a b'"
    >>> shell_command(["/lib/snakemake/__main__.py", "-n"])  # python -m snakemake
    'snakemake -n'
    """
    first, *rest = map(str, words)
    return shlex.join([first.removesuffix("/__main__.py").rsplit("/", 1)[-1], *rest])


@dataclass(frozen=True)
class PageWriter:
    """Writes the pages of a website as Markdown.

    Parameters
    ----------
    docs : Path
        The folder of all pages.
    templates, renderer, thumbnails : jinja2.Environment, Renderer, Thumbnails
        They make pages, pictures of charts, and small pictures.
    archives : Path or None
        The folder with the archives of crates.
    omissions : Omissions
        Collects the missing parts.
    project : SiteProject
        What the project gives.
    """

    docs: Path
    templates: jinja2.Environment
    renderer: Renderer
    thumbnails: Thumbnails
    archives: Path | None
    omissions: Omissions
    project: SiteProject

    def write(self, views: Sequence[StudyView]) -> Overview:
        """Write all pages, and return what they show."""
        shown, cards = [], []
        for view in views:
            with self.omissions.skip_study(view.study.name):
                cards.append(self._write_study(view))
                shown.append(view)
        overview = Overview(self.project, shown)
        self._write_home(overview, cards)
        variables = {"views": shown, "root": "", "states": STATE_MEANINGS, "version": version("fairmesh")}
        for name in SITE_PAGES if shown else ():
            text = self.templates.get_template(f"{name}.jinja").render(variables, more=self._more)
            write_text(self.docs / name, text)
        return overview

    def _write_study(self, view: StudyView) -> tuple[Markup, dict[str, Any]]:
        """Write the pages of a study; return its card on the home page, and its entry in the catalog."""
        name = view.study.name
        folder = self.docs / "studies" / name
        try:
            figures = self._write_experiments(view, StudyFigures(view.study.folder, folder, self.thumbnails))
            reasons = write_study_pages(view, figures, self.docs, self.templates, self.renderer, self.archives)
            card = Markup(self.templates.get_template("card.html.jinja").render(view=view))  # noqa: S704  (escaped)
            entry = catalog_entry(view)
        except Exception:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        for reason in reasons:
            self.omissions.pictures.setdefault(reason, []).append(name)
        return card, entry

    def _write_experiments(self, view: StudyView, study_figures: StudyFigures) -> dict[str, Figures]:
        """Write the pages of experiments; return the figures of each that has one, by its key."""
        figures = {}
        for outcome in select_experiments(view):
            with self.omissions.skip_part(f"the page of {view.study.name}/{outcome.machine}/{outcome.id}"):
                figures[outcome.key] = write_experiment_page(view, outcome, study_figures, self.templates)
        return figures

    def _write_home(self, overview: Overview, cards: Sequence[tuple[Markup, dict[str, Any]]]) -> None:
        before, _, after = self.project.home_text.partition(RESULTS_MARK)
        text = self.templates.get_template("home.md.jinja").render(
            overview=overview,
            before=Markup(before),  # noqa: S704  the project's own Markdown
            after=Markup(after),  # noqa: S704
            cards=[card for card, _ in cards],
            archives=[name for view in overview.views for name in archive_names(view, self.archives)],
            linked_data=catalog(overview.title, overview.description, overview.address, [entry for _, entry in cards]),
            missing=list(self.omissions.studies),
        )
        write_text(self.docs / HOME, text)

    def _more(self, page: str, title: str, anchor: str = "") -> Markup:
        """Return a sentence with a link to a page of the manual; empty if its address is unknown."""
        manual, fragment = self.project.website.manual, f"#{anchor}" if anchor else ""
        if manual == OWN_MANUAL:
            return Markup(f" More: [{title}]({page}.md{fragment}).")  # noqa: S704  MkDocs checks it
        address = f"{manual.rstrip('/')}/{page}.html{fragment}"
        return Markup(' More: <a href="{}">{}</a>.').format(escape(address), title) if manual else Markup()
