"""The files of bundles: which experiments and stages a bundled job runs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from fairmesh.files import write_json
from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import FORMAT

MEMBERS, PROGRESS, LOG = "json", "progress", "log"
"""The kinds of a bundle's files, which are the ends of their names."""

_COMMENT = "fairmesh-bundle-"


def bundle_file(run: Path, number: int, kind: str) -> Path:
    """Return the path of a file of a bundle.

    >>> str(bundle_file(Path("runs/1"), 2, MEMBERS))
    'runs/1/bundles/2.json'
    """
    return run / "bundles" / f"{number}.{kind}"


def bundle_comment(number: int) -> str:
    """Return the comment of a bundle's job."""
    return f"{_COMMENT}{number}"


def write_members(path: Path, names: Sequence[tuple[str, str]]) -> None:
    """Write the members of a bundle: machine and id; the machine of a stage is empty."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"format": FORMAT, "members": [{"machine": machine, "id": name} for machine, name in names]})


def read_members(run: Path, comment: str) -> list[tuple[str, str]]:
    """Return the members of the bundle whose job has a comment; none if it is not the comment of a bundle."""
    match = re.fullmatch(re.escape(_COMMENT) + r"(\d+)", comment)
    return _members(bundle_file(run, int(match[1]), MEMBERS)) if match else []


def all_members(run: Path) -> set[tuple[str, str]]:
    """Return the members of all bundles of a run."""
    return {name for path in bundle_file(run, 0, MEMBERS).parent.glob(f"*.{MEMBERS}") for name in _members(path)}


def _members(path: Path) -> list[tuple[str, str]]:
    content = jsonfiles.read_map(str(path))
    return [(str(member["machine"]), str(member["id"])) for member in (content or {}).get("members", [])]
