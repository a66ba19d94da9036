"""Libraries for the browser, taken out of installed packages when the site is built: nothing is fetched or vendored."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import vl_convert

from fairmesh.errors import FairmeshError
from fairmesh.files import write_text

_EXPORT = re.compile(r"export\{([^{}]*)\}")
_DEFAULT = re.compile(r"(?:^|,)([\w$]+) as default(?:,|$)")


def place(docs: Path, kept: Path) -> None:
    """Put Vega and DataTables into the documentation.

    Parameters
    ----------
    docs : Path
        The documentation's folder.
    kept : Path
        Where they are kept for the next build: packing Vega takes a second.
    """
    scripts = {
        "vega.js": _kept(kept / f"vega-{version('vl-convert-python')}.js", _vega),
        "datatables.js": _kept(kept / f"datatables-{version('itables')}.js", _datatables),
    }
    for name, source in scripts.items():
        shutil.copyfile(source, docs / "javascripts" / name)


def _kept(path: Path, make: Callable[[], str]) -> Path:
    if not path.exists():
        write_text(path, make())
    return path


def _vega() -> str:
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def _datatables() -> str:
    """Give DataTables as a script: modules do not load from a disk."""
    return as_script(files("itables").joinpath("html/dt_bundle.js").read_text(encoding="utf-8"), "DataTable")


def as_script(module: str, name: str) -> str:
    """Give a module as a script that puts the module's default export into the window.

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
