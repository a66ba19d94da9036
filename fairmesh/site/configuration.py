"""The configuration of MkDocs: the theme of the package, the settings of the project, and the navigation."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from fairmesh.files import write_text
from fairmesh.identifiers import is_web_url
from fairmesh.results.metrics import readable
from fairmesh.site.colors import style_sheet
from fairmesh.site.escaping import escape
from fairmesh.site.overview import Overview
from fairmesh.site.project import BASE, COMPARE, HOME, HOW_TO_READ, STUDIES, SiteProject

Nav = list[Any]
PICTURES = "website"
"""The folder of logo and favicon on the website."""
COLORS = "stylesheets/website.css"
SITE_PAGES = {COMPARE: "Compare", HOW_TO_READ: "How to read"}
"""The pages about all studies: the file of each, whose template has its name, and its title in the navigation."""
_LISTS = ("extra_css", "extra_javascript", "markdown_extensions")


def mkdocs_configuration(overview: Overview) -> dict[str, Any]:
    """Return the configuration of MkDocs for the pages of a website."""
    settings, website = overview.project.settings, overview.project.website
    configuration: dict[str, Any] = yaml.safe_load((BASE / "mkdocs.yml").read_text(encoding="utf-8"))
    colors = [COLORS] if style_sheet(website) else []
    configuration["extra_css"] += colors
    for key in _LISTS:
        configuration[key] += getattr(settings, key)
    for part, checks in settings.validation.items():
        configuration["validation"][part] = (configuration["validation"].get(part) or {}) | checks
    theme = configuration["theme"]
    theme["features"] += settings.theme.features
    theme |= {key: f"{PICTURES}/{key}{path.suffix}" for key, path in overview.project.pictures.items()}
    given = {
        "site_url": overview.address,  # without it the links of the page "not found" begin at the root of the host
        "site_description": str(escape(overview.description)),
        "exclude_docs": settings.exclude_docs,
    }
    return {
        **configuration,
        **{key: text for key, text in given.items() if text},
        "site_name": str(escape(overview.title)),
        "docs_dir": "docs",
        "not_in_nav": configuration["not_in_nav"] + settings.not_in_nav,
        "copyright": _footer(overview.project),
        "nav": _navigation(overview),
    }


def write_look(project: SiteProject, docs: Path) -> None:
    """Write the colors, the logo and the favicon of a project into the folder of all pages."""
    if sheet := style_sheet(project.website):
        write_text(docs / COLORS, sheet)
    for key, path in project.pictures.items():
        (docs / PICTURES).mkdir(exist_ok=True)
        shutil.copyfile(path, docs / PICTURES / f"{key}{path.suffix}")


def _footer(project: SiteProject) -> str:
    """Return the text at the foot of every page."""
    made_with = f"fairmesh {version('fairmesh')}"
    if is_web_url(project.website.manual):
        made_with = f'<a href="{escape(project.website.manual)}">{made_with}</a>'
    own = f"{project.settings.copyright}<br>" if project.settings.copyright else ""
    return f"{own}Made with {made_with}"


def _navigation(overview: Overview) -> Nav:
    """Return the navigation: home page, results, own pages, links."""
    studies = [{str(escape(view.title)): f"{STUDIES}/{view.study.name}/index.md"} for view in overview.views]
    results = [*studies, *({title: name} for name, title in SITE_PAGES.items())]
    links = [{str(escape(title)): address} for title, address in overview.project.website.links.items()]
    own = overview.project.settings.nav
    pages = _by_folder(overview.project.files()) if own is None else own
    return [{"Home": HOME}, *([{"Studies": results}] if studies else []), *pages, *links]


def _by_folder(files: Sequence[Path], depth: int = 0) -> Nav:
    """Return the Markdown pages of a folder by their names, folders after files.

    >>> _by_folder([Path("about.md"), Path("how-to/run.md"), Path("logo.png")])
    ['about.md', {'How to': ['how-to/run.md']}]
    """
    pages = [path for path in files if path.suffix == ".md"]
    here = sorted((path for path in pages if len(path.parts) == depth + 1), key=lambda path: path.name != "index.md")
    folders: dict[str, list[Path]] = {}
    for path in pages:
        if path not in here:
            folders.setdefault(path.parts[depth], []).append(path)
    return [*map(str, here), *({_words(name): _by_folder(below, depth + 1)} for name, below in folders.items())]


def _words(name: str) -> str:
    return str(escape(readable(name.replace("-", "_"))))
