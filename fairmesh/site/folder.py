"""The folder of a website, which is replaced as a whole, and the folder in the project's cache where it is built.

Light to import.
"""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

from fairmesh.errors import FairmeshError
from fairmesh.files import copy_tree, text_sha256, write_if_changed, write_text

MARKER = ".fairmesh-site"
CACHE = Path(".fairmesh/cache")
_IGNORED = ("lost+found", f"{MARKER}-new")
_TAG = """Signature: 8a477f597d28d172789f06886806bc55
# This folder is a cache of fairmesh: it can be deleted at any time. See https://bford.info/cachedir/
"""


def work_folder(project: Path, site: Path) -> Path:
    """Return the folder in which a website is built, in the cache of the project.

    If the project cannot be written, it is in the cache of the user.

    Raises
    ------
    FairmeshError
        If neither can be written.
    """
    name = f"{site.name}-{text_sha256(str(site))[:8]}"
    users = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "fairmesh"
    reasons = []
    for cache in (project / CACHE, users):
        try:
            write_if_changed(cache / "CACHEDIR.TAG", _TAG)
            write_if_changed(cache / ".gitignore", "*\n")
            (cache / "site" / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            reasons.append(f"{cache}: {error.strerror}")
        else:
            return cache / "site" / name
    raise FairmeshError("; ".join(reasons))


def remove_tree(folder: Path) -> None:
    """Remove a folder if it exists.

    Raises
    ------
    OSError
        If a part of it cannot be removed.
    """
    if folder.exists():
        shutil.rmtree(folder)


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
    """Move a new website to the place of the current one; ``old`` holds the current one for a moment.

    On another file system, or at a mount point, the contents are copied.
    """
    write_text(new / MARKER, "This folder is replaced as a whole whenever the website is built.\n")
    site.parent.mkdir(parents=True, exist_ok=True)
    remove_tree(old)
    try:
        if site.exists():
            site.rename(old)
        new.rename(site)
    except OSError as error:
        if error.errno not in {errno.EBUSY, errno.EXDEV}:
            raise
        site.mkdir(exist_ok=True)
        _replace_contents(site, new)
        shutil.rmtree(new)
    shutil.rmtree(old, ignore_errors=True)


def _replace_contents(site: Path, new: Path) -> None:
    """Replace the contents of a folder that cannot be renamed: copy first, then rename."""
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
