"""The user who runs this program: in containers and batch jobs often a number, without a name or a home."""

from __future__ import annotations

import getpass
import os
from pathlib import Path


def user_name() -> str:
    """Return the name of the user; empty for a number without one."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # of Python before 3.13, and since
        return ""


def user() -> str:
    """Return the name of the user, or the number of one without a name."""
    return user_name() or str(os.getuid())


def home_folder() -> Path | None:
    """Return the home of the user; None if there is none, or it is no absolute path."""
    try:
        found = Path.home()
    except RuntimeError:
        return None
    return found if found.is_absolute() else None


def fallback_environment(folder: Path) -> dict[str, str]:
    """Return variables for a program that needs a home and a cache, where this user has none that can be written.

    Parameters
    ----------
    folder : Path
        What takes their place.
    """
    if home_folder() is None:
        return {"HOME": str(folder.absolute()), "XDG_CACHE_HOME": ""}
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    there = next(path for path in (cache, *cache.parents) if path.exists())
    return {} if os.access(there, os.W_OK | os.X_OK) else {"XDG_CACHE_HOME": str(folder.absolute() / "cache")}
