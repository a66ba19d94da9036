"""The folder of a website: it is replaced as a whole, so that it must hold nothing else."""

from __future__ import annotations

from pathlib import Path

from fairmesh.errors import FairmeshError

MARKER = ".fairmesh-site"


def check_replaceable(site: Path) -> None:
    """Check that a folder is absent, empty, or a website that was made here.

    Raises
    ------
    FairmeshError
        If it holds anything else.
    """
    if site.exists() and not (site / MARKER).exists() and not (site.is_dir() and not any(site.iterdir())):
        raise FairmeshError(f"{site}: not empty and not a website made by fairmesh; choose another folder as site")
