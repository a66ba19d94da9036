"""JavaScript libraries, copied from installed packages when the site is built: nothing is fetched or vendored."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from fairmesh.errors import FairmeshError
from fairmesh.files import write_text
from fairmesh.site.renderer import Renderer

_EXPORT = re.compile(r"export\{([^{}]*)\}")
_DEFAULT = re.compile(r"(?:^|,)([\w$]+) as default(?:,|$)")


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
