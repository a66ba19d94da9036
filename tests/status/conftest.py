"""A study in the middle of a run, as its files show it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairmesh.files import write_json, write_text
from fairmesh.jobs.paths import StudyPaths
from fairmesh.runner import owner
from fairmesh.status import JobStatus, read_status
from tests.results.builder import Folder

GONE = {"host": "elsewhere", "boot": "b", "pid": 7, "start": "1", "pid_namespace": "", "job_id": "", "restart": ""}


class Study(Folder):
    """A study under construction, with a run."""

    @property
    def paths(self) -> StudyPaths:
        return StudyPaths(self.results, self.study)

    def one(self, **axes: Any) -> JobStatus:
        """Read how an experiment stands."""
        (found,) = [
            experiment for experiment in read_status(self.paths).experiments if experiment.point["axes"] == axes
        ]
        return found

    def run(self, uuid: str = "this-run", ended: str | None = None, **more: Any) -> Path:
        """Write a run: of this process, if it is not over."""
        about = {
            "uuid": uuid,
            "started": f"2026-11-20T10:00:00.000Z {uuid}",
            "owner": owner.current_process(),
            "ended": ended,
        }
        write_json(self.paths.run(uuid) / "run.json", {**about, "exit_code": None, **more})
        return self.paths.run(uuid)

    def tell(self, *events: dict[str, Any], run: str = "this-run") -> None:
        """Write events of a run."""
        text = "".join(json.dumps(event) + "\n" for event in events)
        write_text(self.paths.run(run) / "events.jsonl", text)

    def claim(self, point: dict[str, Any], number: int = 1, **holder: Any) -> None:
        """Write a claim, of this process or of somebody else."""
        write_json(self.job(point) / "claims" / str(number), owner.current_process() | holder)

    def job(self, point: dict[str, Any]) -> Path:
        return self.folder / "experiments" / point["machine"] / point["id"]


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Return a study without a scheduler at hand."""
    monkeypatch.setenv("PATH", "")
    return Study(tmp_path / "results")
