"""The pages of the website: the home page, the page Compare, and the pages of each study.

A new page of the site is an entry of ``SITE_PAGES`` and a template; a new page of each study is an entry of
``study_page.STUDY_PAGES`` and a template.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from errno import EDQUOT, ENOSPC, EROFS
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from fairmesh.errors import FairmeshError
from fairmesh.files import write_text
from fairmesh.names import plain_text
from fairmesh.runner.text import printable
from fairmesh.site import numbers, sentences
from fairmesh.site.escaping import escape, linked, script_json
from fairmesh.site.experiment_page import select_experiments, write_experiment_page
from fairmesh.site.figures import Figures, StudyFigures, Thumbnails
from fairmesh.site.metadata import catalog, catalog_entry
from fairmesh.site.renderer import Renderer
from fairmesh.site.study_page import write_study_pages
from fairmesh.site.view import StudyView
from fairmesh.status.states import state_label

SITE_PAGES = {"compare.md": "Compare"}
"""The pages about all studies: the file of each, whose template has its name, and its title in the navigation."""

_STUDIES_MARK = "<!-- studies -->"
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
    """

    docs: Path
    templates: jinja2.Environment
    renderer: Renderer
    thumbnails: Thumbnails
    archives: Path | None
    omissions: Omissions

    def write(self, views: Sequence[StudyView]) -> list[StudyView]:
        """Write all pages, and return the studies that have some."""
        shown, cards = [], []
        for view in views:
            with self.omissions.skip_study(view.study.name):
                cards.append(self._write_study(view))
                shown.append(view)
        self._write_home(cards)
        for name in SITE_PAGES if shown else ():
            write_text(self.docs / name, self.templates.get_template(f"{name}.jinja").render(views=shown, root=""))
        return shown

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

    def _write_home(self, cards: Sequence[tuple[Markup, dict[str, Any]]]) -> None:
        home = self.docs / "index.md"
        studies = self.templates.get_template("studies.html.jinja").render(
            cards=[card for card, _ in cards],
            linked_data=catalog([entry for _, entry in cards]),
            missing=list(self.omissions.studies),
        )
        write_text(home, home.read_text(encoding="utf-8").replace(_STUDIES_MARK, studies))


def mkdocs_configuration(views: Sequence[StudyView], project: Path) -> dict[str, Any]:
    """Return the configuration of the MkDocs project, with the studies in its navigation."""
    base = project / "mkdocs.yml"
    home, *documentation = yaml.safe_load(base.read_text(encoding="utf-8"))["nav"]
    studies = [{str(escape(view.title)): f"studies/{view.study.name}/index.md"} for view in views]
    studies += [{title: name} for name, title in SITE_PAGES.items()] if studies else []
    nav = [home, *([{"Studies": studies}] if studies else []), *documentation]
    configuration = {"INHERIT": str(base), "docs_dir": "docs", "nav": nav}
    publishers = [view.study.plan.get("publisher") or {} for view in views]
    if names := [str(escape(publisher["title"])) for publisher in publishers if publisher.get("title")]:
        configuration["site_name"] = names[0]
    # Without it the links of the page "not found" begin at the root of the host, wherever the site lies.
    addresses = [str(publisher.get("url") or "") for publisher in publishers]
    if public := [address for address in addresses if address.startswith(("https://", "http://"))]:
        configuration["site_url"] = f"{public[0].rstrip('/')}/"
    return configuration
