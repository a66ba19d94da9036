"""A job folder below a home, for programs of one line, and the templates that it is rendered from."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fairmesh.jobs.paths import JobPaths
from fairmesh.jobs.render import JobFolder, render, write_runner
from fairmesh.jobs.templates import Templates

OURS = Path(__file__).parents[2] / "workflow/templates"
GOOD = "import json; json.dump({'score': 1.5}, open('metrics.json', 'w'))"

MakeJob = Callable[..., JobPaths]


def machine(**changes: Any) -> dict[str, Any]:
    """Return a machine's entry."""
    return {"scheduler": "none", "setup": [], "modules": [], "resources": {}, "gpus": {}, "patience": 10} | changes


def experiment(**changes: Any) -> dict[str, Any]:
    """Return the content of an experiment.json whose program ends well."""
    content = {
        "format": 1,
        "study": "sweep",
        "machine": "local",
        "id": "x=1",
        "key": "0123456789ab",
        "fingerprint": "f" * 64,
        "application": {"name": "toy", "version": "1", "folder": ""},
        "parameters": {"x": 1},
        "axes": {"x": 1},
        "resources": {},
        "stages": {},
        "command": [sys.executable, "-IS", "-c", GOOD],
        "measure": "shared",
        "keep": [],
    }
    return content | changes


@pytest.fixture(autouse=True)
def no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests alike on a laptop and inside a cluster's job."""
    for name in ("SLURM_JOB_ID", "LSB_JOBID", "FAIRMESH_RUN", "FAIRMESH_HOME", "FAIRMESH_APPLICATION"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def make_job(tmp_path: Path) -> MakeJob:
    """Return a function that renders a job folder below a home with a runner."""

    def make(*children: Path, at: dict[str, Any] | None = None, home: str = "home", **changes: Any) -> JobPaths:
        entry = at or machine()
        paths = JobPaths(tmp_path / home / "sweep/experiments/local/x=1")
        job = JobFolder(paths, {"x": 1}, experiment(**changes))
        render(job, Templates.of_jobs(OURS, entry["scheduler"], children), entry)
        write_runner(tmp_path / home / "runner.pyz")
        return paths

    return make


def status(paths: JobPaths) -> dict[str, Any]:
    """Read the status of a job's first attempt."""
    found: dict[str, Any] = json.loads((paths.attempt(1) / "status.json").read_text())
    return found
