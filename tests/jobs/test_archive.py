"""The runner as one file."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from fairmesh.jobs.render import archive, write_runner


def test_the_same_sources_give_the_same_bytes_and_a_right_file_is_not_touched(tmp_path: Path) -> None:
    assert archive() == archive()
    path = tmp_path / "runner.pyz"
    write_runner(path)
    before = path.stat().st_mtime_ns
    write_runner(path)
    assert path.stat().st_mtime_ns == before
    path.write_bytes(b"old")
    write_runner(path)
    assert path.read_bytes() == archive()


@pytest.mark.parametrize("python", ["python3", "/usr/bin/python3"])
def test_it_runs_a_job_where_nothing_is_installed(tmp_path: Path, python: str) -> None:
    if shutil.which(python) is None:
        pytest.skip(f"no {python} here")
    (tmp_path / "runner.pyz").write_bytes(archive())
    content = {
        **dict.fromkeys(("study", "machine", "id", "key"), "x"),
        **{key: {} for key in ("parameters", "axes", "resources", "stages")},
        "fingerprint": "f" * 64,
        "application": {"name": "x", "version": "1"},
        "command": ["sh", "-c", "echo '{\"answer\": 42}' > metrics.json"],
        "measure": "shared",
    }
    job = tmp_path / "job"
    job.mkdir()
    (job / "experiment.json").write_text(json.dumps(content))
    (job / "config.yaml").write_text("{}\n")
    command = [python, "-IS", str(tmp_path / "runner.pyz"), str(job), "--home", str(tmp_path)]
    subprocess.run(command, check=True, env={"PATH": "/usr/bin:/bin"})
    assert json.loads((job / "commit.json").read_text())["metrics"]["answer"]["value"] == 42
