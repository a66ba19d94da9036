"""What experiments ran on: a file for each environment, which records refer to by its hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairmesh.jobs.shapes import ShapeError, check_environment
from fairmesh.runner import jsonfiles
from fairmesh.runner.regular import read_regular

LARGEST = 16 << 20  # bytes; thousands of packages have a few hundred kilobytes


def read_environment(path: Path) -> tuple[dict[str, Any], str]:
    """Read an environment.

    Returns
    -------
    dict, str
        The environment, empty if there is none that can be read; and a line about the file if it is there and cannot.
    """
    try:
        return _environment(read_regular(str(path), LARGEST)), ""
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return {}, f"{path}: cannot be read: {why}; left out"


def _environment(data: bytes) -> dict[str, Any]:
    found = jsonfiles.parse(data)
    if not isinstance(found, dict):
        raise ShapeError("not a map")
    check_environment(found)
    return found
