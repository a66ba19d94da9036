"""Whether a file system has room for the files of a run: it may run out of them while it still has bytes."""

from __future__ import annotations

import os
from pathlib import Path

from fairmesh.errors import FairmeshError

FEW = 64  # files; Snakemake's own folders and one experiment take about as many


def check_inodes(folder: Path) -> None:
    """Check that files can still be created in a folder, or where it will be made.

    Raises
    ------
    FairmeshError
        If so few can be that Snakemake would end in the middle of its start.
    """
    place = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    system = os.statvfs(place)
    if system.f_files and system.f_favail < FEW:  # some file systems do not count them
        left = "no more files" if not system.f_favail else f"only {system.f_favail} more files"
        raise FairmeshError(f"{place}: {left} can be created on its file system (no inodes left: `df -i`)")
