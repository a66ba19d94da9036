"""Half-written files of killed processes go; those of living ones and of other hosts stay."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from fairmesh.jobs.lookup import remove_half_written
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner.jsonfiles import host


@pytest.fixture(scope="module")
def ended() -> int:
    """Return the number of a process that lives no more."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.parametrize("folder", [".", "records/local", "stages"])
def test_only_what_nobody_writes_any_more_goes(tmp_path: Path, ended: int, folder: str) -> None:
    paths = StudyPaths(tmp_path / f"a.{host()}.{ended}.1", "sweep")
    place = paths.folder / folder
    place.mkdir(parents=True)
    left = place / f".x=1.5.json.{host()}.{ended}.140.half"
    kept = [f".x.json.{host()}.{os.getpid()}.140.half", f".x.json.elsewhere.{ended}.140.half", ".half", ".x.half"]
    kept += ["x=1.5.json", f"x.{host()}.{ended}.140.half"]
    for name in [left.name, *kept]:
        (place / name).write_text("{")
    remove_half_written(paths, ["local", "nowhere"])
    assert sorted(path.name for path in place.iterdir() if path.is_file()) == sorted(kept)
