"""Find the files that are installed with the package: the workflow, its profiles, and files to start from."""

from __future__ import annotations

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
    """Return the Snakefile of a project, where Snakemake looks for it; None if there is none."""
    candidates = (project / "Snakefile", project / "workflow/Snakefile")
    return next((path for path in candidates if path.is_file()), None)


SNAKEFILE = installed("workflow/main.smk")
"""The workflow, for the Snakefile of a project to include."""

DEFAULT_SNAKEFILE = installed("workflow/Snakefile")
"""The Snakefile of projects that have none."""
