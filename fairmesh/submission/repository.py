"""What git knows of the code that is measured; nothing where there is no git, no repository or no commit yet."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

DIRTY = "-dirty"
_PATIENCE = 10.0  # seconds


@dataclass(frozen=True)
class Repository:
    """The repository that a folder lies in.

    Parameters
    ----------
    address : str
        Where it can be cloned from, without a password.
    branch, tag : str
        The branch that is checked out, and the tag of exactly this commit.
    """

    address: str = ""
    branch: str = ""
    tag: str = ""

    @classmethod
    def of(cls, folder: Path) -> Repository:
        """Ask git about a folder."""
        branch = _git(folder, "rev-parse", "--abbrev-ref", "HEAD")
        address = _git(folder, "remote", "get-url", "origin") if branch else ""
        tag = _git(folder, "describe", "--tags", "--exact-match") if branch else ""
        return cls(without_password(address), "" if branch == "HEAD" else branch, tag)


def commit_of(folder: Path) -> str:
    """Give the commit of the code in a folder; it ends in ``-dirty`` if a file in the folder is not as committed."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return ""
    return commit + DIRTY if _git(folder, "status", "--porcelain", "--", ".") else commit


def without_password(address: str) -> str:
    """Take out of an address who may read it.

    >>> without_password("https://ada:secret@example.org/code.git")
    'https://example.org/code.git'
    >>> without_password("git@example.org:code.git")
    'git@example.org:code.git'
    """
    return re.sub(r"^(\w+://)[^/@]*@", r"\1", address)


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
    except (OSError, UnicodeDecodeError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
