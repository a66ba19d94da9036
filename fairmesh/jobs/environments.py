"""What experiments ran on: a file for each environment, which records refer to by its hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairmesh.jobs.attempts import read_checked
from fairmesh.jobs.shapes import check_environment

LARGEST = 16 << 20  # bytes; thousands of packages have a few hundred kilobytes


def read_environment(path: Path) -> tuple[dict[str, Any], str]:
    """Read an environment.

    Returns
    -------
    dict, str
        The environment, empty if there is none that can be read; and a line about the file if it is there and cannot.
    """
    return read_checked(path, check_environment, LARGEST)
