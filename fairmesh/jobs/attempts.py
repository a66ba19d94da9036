"""How attempts end, and maps that a runner may be writing while they are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fairmesh.jobs.shapes import ShapeError
from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import DONE, ENDS
from fairmesh.runner.safefiles import LARGEST, read_regular

BAD_ENDS = tuple(state for state in ENDS if state != DONE)


def read_map(path: Path) -> dict[str, Any]:
    """Return the map that a file holds; an empty one if it is not there, or cannot be read."""
    return jsonfiles.read_map(str(path)) or {}


def read_checked(
    path: Path, check: Callable[[dict[str, Any]], None] = lambda _: None, limit: int = LARGEST
) -> tuple[dict[str, Any], str]:
    """Read the map that a file holds.

    Parameters
    ----------
    path : Path
        The file.
    check : callable
        Raises ValueError if the map is not what its readers take it for.
    limit : int
        The most bytes of it.

    Returns
    -------
    dict, str
        The map, empty if there is none that can be read; and a line about the file if it is there and cannot be.
    """
    try:
        found = jsonfiles.parse(read_regular(str(path), limit))
        if not isinstance(found, dict):
            raise ShapeError("not a map")
        check(found)
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        return {}, f"{path}: cannot be read: {why}; left out"
    return found, ""
