"""The name of a results folder's home on other machines."""

from __future__ import annotations

import re
import secrets
from contextlib import suppress
from pathlib import Path

from fairmesh import files
from fairmesh.errors import FairmeshError
from fairmesh.jobs.results_folder import make_results_folder

HOME_FILE = ".machine-home"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,60}-[0-9a-f]{8}", re.ASCII)
_LONGEST = 40  # characters of the project's name


def home_name(results: Path) -> str:
    """Return the name of the folder that holds a results folder's jobs on other machines; it is made once.

    Parameters
    ----------
    results : Path
        The results folder; the name begins with that of the folder above it.

    Raises
    ------
    FairmeshError
        If the file with the name holds something else.
    """
    path = results / HOME_FILE
    make_results_folder(results)
    with suppress(FileExistsError):
        files.write_new(path, f"{_project_name(results)}-{secrets.token_hex(4)}\n")
    name = path.read_text(encoding="utf-8").strip()
    if not _NAME.fullmatch(name):
        raise FairmeshError(
            f"{path}: {name[:80]!r} is not the name of a folder on other machines, such as bench-0123abcd"
        )
    return name


def _project_name(results: Path) -> str:
    """Return the name of the project folder with the characters that are safe in paths and shells."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", results.resolve().parent.name)[:_LONGEST].strip(".-")
    return name or "project"
