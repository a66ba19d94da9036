"""The folder of a website: it is replaced as a whole, so that it must hold nothing else."""

from __future__ import annotations

from pathlib import Path

from fairmesh.errors import FairmeshError

MARKER = ".fairmesh-site"
_NOT_OURS = ("lost+found", f"{MARKER}-new")


def check_replaceable(site: Path) -> None:
    """Check that a folder is absent, empty, or a website that was made here.

    Raises
    ------
    FairmeshError
        If it holds anything else.
    """
    if site.exists() and not (site / MARKER).exists() and not (site.is_dir() and not contents(site)):
        raise FairmeshError(f"{site}: not empty and not a website made by fairmesh; choose another folder as site")


def contents(site: Path) -> list[Path]:
    """Return what is in a website's folder, but what a file system has at its top and what is being put there."""
    return [path for path in site.iterdir() if path.name not in _NOT_OURS]
