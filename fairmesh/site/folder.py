"""The folder of a website: replaced as a whole, so it must hold nothing else. Light to import."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

from fairmesh.errors import FairmeshError
from fairmesh.files import copy_tree, write_text

MARKER = ".fairmesh-site"
_IGNORED = ("lost+found", f"{MARKER}-new")


def check_replaceable(site: Path) -> None:
    """Check that a folder is absent, empty, or a website made by fairmesh.

    Raises
    ------
    FairmeshError
        If it holds anything else.
    """
    if site.exists() and not (site / MARKER).exists() and not (site.is_dir() and not _contents(site)):
        raise FairmeshError(f"{site}: not empty and not a website made by fairmesh; choose another folder as site")


def replace_site(new: Path, site: Path, old: Path) -> None:
    """Move a new website to the place of the current one; ``old`` holds the current one for a moment."""
    write_text(new / MARKER, "This folder is replaced as a whole whenever the website is built.\n")
    shutil.rmtree(old, ignore_errors=True)
    try:
        if site.exists():
            site.rename(old)
        new.rename(site)
    except OSError as error:
        if error.errno not in {errno.EBUSY, errno.EXDEV} or not site.is_dir():
            raise
        _replace_contents(site, new)
        shutil.rmtree(new)
    shutil.rmtree(old, ignore_errors=True)


def _replace_contents(site: Path, new: Path) -> None:
    """Replace the contents of a folder that cannot be renamed, such as a mount point: copy first, then rename."""
    copy = site / f"{MARKER}-new"
    shutil.rmtree(copy, ignore_errors=True)
    copy_tree(new, copy)
    for path in _contents(site):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    for path in (*(path for path in copy.iterdir() if path.name != MARKER), copy / MARKER):
        path.rename(site / path.name)
    copy.rmdir()


def _contents(site: Path) -> list[Path]:
    """Return the entries of a website's folder, except those of the file system and of a replacement in progress."""
    return [path for path in site.iterdir() if path.name not in _IGNORED]
