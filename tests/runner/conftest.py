"""A job folder as the workflow renders it, for programs of one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairmesh.runner import main, program

MakeJob = Callable[..., Path]
GOOD = "import json; json.dump({'score': 1.5}, open('metrics.json', 'w'))"


@pytest.fixture(autouse=True)
def no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests alike on a laptop and inside a cluster's job, and impatient."""
    for name in ("SLURM_JOB_ID", "LSB_JOBID", "FAIRMESH_RUN", "FAIRMESH_APPLICATION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(program, "GRACE", 0.3)


@pytest.fixture
def make_job(tmp_path: Path) -> MakeJob:
    """Return a function that writes a job folder for a program of Python text."""

    def make(code: str = GOOD, **changes: Any) -> Path:
        folder = tmp_path / "home/sweep/experiments/local/x=1"
        folder.mkdir(parents=True, exist_ok=True)
        content = {
            "format": 1,
            "study": "sweep",
            "machine": "local",
            "id": "x=1",
            "key": "0" * 12,
            "fingerprint": "f" * 64,
            "application": {"name": "toy", "version": "1", "folder": str(tmp_path)},
            "parameters": {"x": 1},
            "axes": {"x": 1},
            "resources": {},
            "stages": {},
            "command": [sys.executable, "-IS", "-c", code],
            "measure": "shared",
            "keep": [],
        }
        (folder / "experiment.json").write_text(json.dumps(content | changes))
        (folder / "config.yaml").write_text("x: 1\n")
        return folder

    return make


def run(folder: Path, *options: str) -> int:
    """Run a job folder in this process."""
    return main.main([str(folder), "--home", str(folder.parents[3]), *options])


def read(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text())


def status(folder: Path, attempt: int = 1) -> Any:
    """Read an attempt's status."""
    return read(folder / f"attempts/{attempt}/status.json")
