"""What a bundle consists of, written down for whoever finds its job in Slurm's queue later."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from fairmesh.files import write_json
from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import FORMAT

KIND = "json"
_COMMENT = "fairmesh-bundle-"


def file(run: Path, number: int, kind: str) -> Path:
    """Return the path of one of a bundle's files.

    >>> str(file(Path("runs/1"), 2, KIND))
    'runs/1/bundles/2.json'
    """
    return run / "bundles" / f"{number}.{kind}"


def comment(number: int) -> str:
    """Return the comment that a bundle's job carries through Slurm."""
    return f"{_COMMENT}{number}"


def write(path: Path, names: Sequence[tuple[str, str]]) -> None:
    """Write a bundle's members: machine and id, or no machine and the name of a stage."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"format": FORMAT, "members": [{"machine": machine, "id": name} for machine, name in names]})


def read(run: Path, of_job: str) -> list[tuple[str, str]]:
    """Return the members of the bundle whose job carries a comment; none if it is not one of a bundle's."""
    found = re.fullmatch(re.escape(_COMMENT) + r"(\d+)", of_job)
    return _members(file(run, int(found[1]), KIND)) if found else []


def all_members(run: Path) -> set[tuple[str, str]]:
    """Return the members of all bundles of a run."""
    return {name for path in file(run, 0, KIND).parent.glob(f"*.{KIND}") for name in _members(path)}


def _members(path: Path) -> list[tuple[str, str]]:
    content = jsonfiles.read_map(str(path))
    return [(str(each["machine"]), str(each["id"])) for each in (content or {}).get("members", [])]
