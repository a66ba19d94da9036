"""How attempts end, and maps that a runner may be writing while they are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import DONE, ENDS

BAD_ENDS = tuple(state for state in ENDS if state != DONE)


def read_map(path: Path) -> dict[str, Any]:
    """Return the map that a file holds; an empty one if it is not there, or cannot be read."""
    return jsonfiles.read_map(str(path)) or {}
