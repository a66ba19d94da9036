"""The git repository of measured code: address, branch, tag and commit."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

DIRTY = "-dirty"
_PATIENCE = 10.0  # seconds


@dataclass(frozen=True)
class Repository:
    """The repository of a folder.

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
        """Read the repository of a folder with git."""
        branch = _git(folder, "rev-parse", "--abbrev-ref", "HEAD")
        address = _git(folder, "remote", "get-url", "origin") if branch else ""
        tag = _git(folder, "describe", "--tags", "--exact-match") if branch else ""
        return cls(without_password(address), "" if branch == "HEAD" else branch, tag)


def commit_of(folder: Path) -> str:
    """Return the commit of a folder; it ends with ``-dirty`` if a file in the folder was changed."""
    commit = _git(folder, "rev-parse", "HEAD")
    if not commit:
        return ""
    changed, complaint = _ask(folder, "status", "--porcelain", "--", ".")
    return commit + DIRTY if changed or complaint else commit


@dataclass(frozen=True)
class Refusal:
    """Why git cannot read an existing repository: reason and remedy; both empty if it can."""

    why: str = ""
    advice: str = ""

    @classmethod
    def of(cls, folder: Path) -> Refusal:
        """Read the repository of a folder with git."""
        top = next((parent for parent in (folder, *folder.absolute().parents) if (parent / ".git").exists()), None)
        complaint = _ask(folder, "rev-parse", "HEAD")[1] if top else ""
        if any(words in complaint for words in _NOT_OURS):
            advice = f"git config --global --add safe.directory {shlex.quote(str(top))}"
            return cls("its repository belongs to another user, so git does not read it", advice)
        if any(words in complaint for words in _NOTHING):
            return cls()
        return cls(f"git does not read its repository: {complaint}", f"git -C {top} status") if complaint else cls()


_NOT_OURS = ("dubious ownership", "unsafe repository")
_NOTHING = ("unknown revision", "not a git repository")  # no commit yet; an empty folder .git


def without_password(address: str) -> str:
    """Remove user name and password from an address.

    >>> without_password("https://ada:secret@example.org/code.git")
    'https://example.org/code.git'
    >>> without_password("git@example.org:code.git")
    'git@example.org:code.git'
    """
    return re.sub(r"^(\w+://)[^/@]*@", r"\1", address)


def _git(folder: Path, *arguments: str) -> str:
    return _ask(folder, *arguments)[0]


def _ask(folder: Path, *arguments: str) -> tuple[str, str]:
    """Return git's output and the first line of its errors."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            env=os.environ | {"LC_ALL": "C"},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer within {_PATIENCE:.0f} s"
    except OSError as error:
        return "", str(error.strerror)
    if done.returncode:
        return "", (done.stderr.strip() or f"status {done.returncode}").splitlines()[0]
    return done.stdout.strip(), ""
