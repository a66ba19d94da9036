"""Build the website of a results folder: write pages, add JavaScript libraries, run MkDocs, replace the old site."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from fairmesh.errors import FairmeshError
from fairmesh.files import write_text
from fairmesh.jobs.lock import RunLock
from fairmesh.results import load_study
from fairmesh.results.load import PLAN
from fairmesh.site.configuration import mkdocs_configuration, write_look
from fairmesh.site.figures import Thumbnails
from fairmesh.site.folder import check_replaceable, remove_tree, replace_site, work_folder
from fairmesh.site.mkdocs_process import run_mkdocs
from fairmesh.site.pages import Omissions, PageWriter, build_environment
from fairmesh.site.project import BASE, SiteProject
from fairmesh.site.renderer import Renderer, RendererError
from fairmesh.site.view import StudyView

_DEFAULT = re.compile(r"(?:^|,)([\w$]+) as default(?:,|$)")
_EXPORT = re.compile(r"export\{([^{}]*)\}")


def build_site(
    results: Path, site: Path, project: Path, archives: Path | None = None, omissions: Omissions | None = None
) -> Omissions:
    """Build the website of all studies in a results folder.

    A study that cannot be read or shown is left out.

    Parameters
    ----------
    results : Path
        The results folder; each folder in it with a plan is a study.
    site : Path
        The folder of the website; it is replaced as a whole.
    project : Path
        The project's folder, with ``config/config.yaml`` and perhaps ``site/``. Its cache is the working folder.
    archives : Path or None
        The folder with the archives of crates, ``<study>-<version>.zip``, if the site offers them.
    omissions : Omissions or None
        The parts that are missing already; the home page names them.

    Returns
    -------
    Omissions
        The parts that are missing because they could not be read or drawn.

    Raises
    ------
    InputError
        If the project's part of the website has mistakes.
    FairmeshError
        If ``site`` is not such a website, MkDocs fails, or there is no space left.
    """
    site = site.resolve()
    check_replaceable(site)
    given = SiteProject.read(project.resolve())
    work = work_folder(given.root, site)
    omissions = omissions or Omissions()
    try:
        with RunLock(work / "lock").held(), Renderer() as renderer:  # another process may build the same site
            _write_pages(load_views(results, omissions), work, given, renderer, archives, omissions)
            run_mkdocs(work)
            _drop_source_maps(work / "new")
            replace_site(work / "new", site, work / "old")
    except OSError as error:
        raise FairmeshError(": ".join(map(str, filter(None, (error.filename or work, error.strerror))))) from error
    return omissions


def load_views(results: Path, omissions: Omissions) -> list[StudyView]:
    """Return the studies of a results folder that can be read, the newest first."""
    views = []
    for name in sorted(path.parent.name for path in results.glob(f"*/{PLAN}")):
        with omissions.skip_study(name):
            view = StudyView(load_study(results, name))
            views.append((view.date, view))
            omissions.unreadable += view.study.problems
    return [view for _, view in sorted(views, key=lambda pair: pair[0], reverse=True)]


def _write_pages(
    views: list[StudyView],
    work: Path,
    project: SiteProject,
    renderer: Renderer,
    archives: Path | None,
    omissions: Omissions,
) -> None:
    docs = work / "docs"
    remove_tree(docs)
    for source, path in [*_base_files(), *((project.docs / path, path) for path in project.files())]:
        (docs / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, docs / path)
    write_look(project, docs)
    place_tables(docs, work)
    templates = build_environment(_why_no_charts(docs, work, renderer, omissions))
    thumbnails = Thumbnails(work / "thumbnails")
    overview = PageWriter(docs, templates, renderer, thumbnails, archives, omissions, project).write(views)
    thumbnails.remove_unused()
    write_text(work / "mkdocs.yml", json.dumps(mkdocs_configuration(overview)))


def _base_files() -> list[tuple[Path, Path]]:
    """Return the files that every website has, each with its path on the website."""
    paths = [path for name in ("stylesheets", "javascripts", "images") for path in sorted((BASE / name).iterdir())]
    return [(path, path.relative_to(BASE)) for path in paths]


def _why_no_charts(docs: Path, work: Path, renderer: Renderer, omissions: Omissions) -> str:
    """Copy the chart library into the documentation; return why it is missing, or an empty text."""
    try:
        place_charts(docs, work, renderer)
    except RendererError as error:
        omissions.parts.append(f"all charts: {error}")
        return str(error)
    return ""


def _drop_source_maps(new: Path) -> None:
    """Remove the theme's source maps, a megabyte that only developers of the theme need."""
    for path in (new / "assets").rglob("*.map"):
        path.unlink()


# ---- JavaScript libraries, from installed packages: nothing is fetched or vendored -----------------------------------


def place_tables(docs: Path, kept: Path) -> None:
    """Copy DataTables into the documentation; for the parameters see `place_charts`."""
    _place(docs, "datatables.js", kept / f"datatables-{version('itables')}.js", _datatables)


def place_charts(docs: Path, kept: Path, renderer: Renderer) -> None:
    """Write Vega into the documentation.

    Parameters
    ----------
    docs : Path
        The documentation's folder.
    kept : Path
        The folder that keeps it for the next build, since bundling Vega takes a second.
    renderer : Renderer
        Bundles it.

    Raises
    ------
    RendererError
        If it cannot be bundled.
    """
    script = kept / f"vega-{version('vl-convert-python')}.js"
    _place(docs, "vega.js", script, lambda: renderer.bundle("window.vegaEmbed = vegaEmbed;"))


def _place(docs: Path, name: str, kept: Path, make: Callable[[], str]) -> None:
    if not kept.exists():
        write_text(kept, make())
    shutil.copyfile(kept, docs / "javascripts" / name)


def _datatables() -> str:
    """Return DataTables as a script, because modules do not load from a disk."""
    return as_script(files("itables").joinpath("html/dt_bundle.js").read_text(encoding="utf-8"), "DataTable")


def as_script(module: str, name: str) -> str:
    """Return a module as a script that makes the module's default export a property of the window.

    Raises
    ------
    FairmeshError
        If it does not end in one list of exports with a default.

    Examples
    --------
    >>> as_script("var a=1;export{a as default,b as c};", "A")
    '(()=>{var a=1;window.A=a;})();'
    """
    exports = list(_EXPORT.finditer(module))
    default = _DEFAULT.search(exports[-1][1]) if exports else None
    if not default:
        raise FairmeshError(f"the bundle of {name} has no default export; another version of its package is installed")
    start, end = exports[-1].span()
    return f"(()=>{{{module[:start]}window.{name}={default[1]}{module[end:]}}})();"
