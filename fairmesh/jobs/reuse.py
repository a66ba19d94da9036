"""A result under a second name: what was measured for one id serves another that asks for the same."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fairmesh import files
from fairmesh.errors import FairmeshError
from fairmesh.jobs.paths import JobPaths


def adopt(source: JobPaths, record: Mapping[str, Any], target: JobPaths, identity: Mapping[str, Any]) -> None:
    """Return a job folder the result of another: its attempt, then the commit under its own name.

    The files are hard links where the file system has them, so that nothing is stored twice.

    Parameters
    ----------
    source : JobPaths
        The folder with the result; the attempt's files may be gone.
    record : mapping
        The result.
    target : JobPaths
        The folder that gets it.
    identity : mapping
        What the commit says differently: id, key and axes.
    """
    attempt = int(record["attempt"])
    if source.attempt(attempt).is_dir():
        shutil.copytree(source.attempt(attempt), target.attempt(attempt), copy_function=_link, symlinks=True)
    files.write_json(target.commit, {**record, **identity, "reused": record["id"]}, flush=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def framework_key(fingerprint: str, axes: Mapping[str, Any], framework: Mapping[str, Any]) -> str:
    """Return the text by which results can stand for each other: what was computed, and on what.

    >>> framework_key("ab", {"gpu": "a100", "epochs": 1}, {"gpu": {}})
    'ab {"gpu":"a100"}'
    """
    return f"{fingerprint} {files.canonical_json({name: axes[name] for name in axes if name in framework})}"


def read_previous_results(
    records: Path, planned: frozenset[str], framework: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """Return the records in a folder that the plan does not name, by what they can stand for."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(records.glob("*.json")):
        if path.stem not in planned:
            record = _usable(path)
            if record:
                found.setdefault(framework_key(record["fingerprint"], record["axes"], framework), record)
    return found


def _usable(path: Path) -> dict[str, Any] | None:
    """Read a record if it has what a second name needs; others are for the website to complain of."""
    try:
        record = files.read_json(path)
        usable = isinstance(record["axes"], dict) and isinstance(record["attempt"], int) and record["id"] == path.stem
    except (FairmeshError, OSError, KeyError, TypeError):
        return None
    return record if usable and isinstance(record["fingerprint"], str) else None
