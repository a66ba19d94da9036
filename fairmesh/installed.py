"""Find the files that are installed with the package: the workflow, its profiles, and files to start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_BUNDLED = _PACKAGE / "bundled"


def installed(name: str) -> Path:
    """Return the path of a file or folder that is installed with fairmesh.

    A wheel holds these files in ``fairmesh/bundled``. In a checkout they stand in its top folder.

    Parameters
    ----------
    name : str
        The path in the repository of fairmesh, such as ``workflow/rules``.

    Examples
    --------
    >>> installed("workflow/rules").name
    'rules'
    """
    return (_BUNDLED if _BUNDLED.is_dir() else _PACKAGE.parent) / name


def find_snakefile(project: Path) -> Path | None:
    """Return the Snakefile of a project, where Snakemake looks for it; None if it has none that includes fairmesh."""
    return next((path for path in _snakefiles(project) if _includes_fairmesh(path)), None)


def find_other_workflow(project: Path) -> Path | None:
    """Return the Snakefile that Snakemake takes in a folder if it is that of another workflow; None if it is not."""
    first = next(_snakefiles(project), None)
    return first if first and not _includes_fairmesh(first) else None


def _snakefiles(project: Path) -> Iterator[Path]:
    candidates = (project / name for name in ("Snakefile", "snakefile", "workflow/Snakefile", "workflow/snakefile"))
    return (path for path in candidates if path.is_file())


def _includes_fairmesh(path: Path) -> bool:
    return "fairmesh" in path.read_text(encoding="utf-8", errors="replace")


SNAKEFILE = installed("workflow/main.smk")
"""The workflow, for the Snakefile of a project to include."""

DEFAULT_SNAKEFILE = installed("workflow/Snakefile")
"""The Snakefile of projects that have none."""
