"""Parts of fairmesh that need more packages: which ones are missing, and how to install them."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from importlib.util import find_spec
from pathlib import Path

from packaging.requirements import Requirement

from fairmesh.errors import InputError, Problem


def require(extra: str, user: str) -> None:
    """Check that the packages of an extra are installed.

    Parameters
    ----------
    extra : str
        The name of the extra, such as ``site``.
    user : str
        What needs it, for the message, such as ``the website``.

    Raises
    ------
    InputError
        If some are missing, with the command that installs them.
    """
    if note := missing_note(extra, user):
        raise InputError([Problem(note)])


def missing_note(extra: str, user: str) -> str:
    """Return a line about the missing packages of an extra; empty if all are installed."""
    packages = missing_packages(extra)
    return f"{user} needs packages that are not installed: {install_command(packages)}" if packages else ""


def missing_packages(extra: str) -> list[str]:
    """Return the requirements of an extra that no installed package meets, such as ``streamlit>=1.67``."""
    requirements = map(Requirement, requires("fairmesh") or ())
    return [
        str(requirement).partition(";")[0].strip()
        for requirement in requirements
        if requirement.marker and requirement.marker.evaluate({"extra": extra}) and not _is_met(requirement)
    ]


def _is_met(requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(version(requirement.name), prereleases=True)
    except PackageNotFoundError:
        return False


def install_command(packages: Iterable[str]) -> str:
    """Return the command that installs packages into this environment.

    Examples
    --------
    >>> install_command(["streamlit>=1.67"]).endswith("pip install 'streamlit>=1.67'")
    True
    """
    return f"{_installer()} {shlex.join(packages)}"


def _installer() -> str:
    """Return the start of a command of pip, or of uv where pip is not installed."""
    python = Path(sys.executable)
    if shutil.which("pip") == str(python.with_name("pip")):
        return "pip install"
    quoted = shlex.quote(str(python))
    return f"{quoted} -m pip install" if find_spec("pip") else f"uv pip install --python {quoted}"
