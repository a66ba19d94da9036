"""Results whose runs have logs as the runner writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairmesh.files import file_sha256, read_json, write_json
from fairmesh.runner.mllog import Events
from tests.results.builder import Folder

COMMIT = "0123456789abcdef0123456789abcdef01234567"
WHO = {"org": "Example", "contact": "Ada Example", "email": "ada@example.org", "status": "onprem", "platform": "dgx"}
OPTIONS = [text for name, value in WHO.items() for text in (f"--{name}", value)]


class Runs(Folder):
    """A results folder under construction, whose finished runs leave a log."""

    def run(self, accuracy: float, commit: str = COMMIT, submission: dict[str, str] | None = None, **axes: Any) -> Path:
        """Add a finished run; give its attempt."""
        point = self.add(**axes)
        attempt = self.finish(point, {"accuracy": accuracy})
        known = {"benchmark": "cloudmask", "version": "cloudmask-v1.2.0", "github_commit_version": commit}
        given = {name: text for name, text in (known | (submission or {})).items() if text}
        application = {"name": "cloudmask", "version": "1.2.0", "folder": "", "seed": "seed"}
        events = Events(str(attempt), {**point, "application": application, "submission": given})
        events.open(1_700_000_000_000)
        events.close(4_000_000_000_000, {"accuracy": {"value": accuracy}})
        log = attempt / "events.mllog"
        files = [{"path": "attempts/1/events.mllog", "sha256": file_sha256(log), "bytes": log.stat().st_size}]
        record = self.folder / "records/local" / f"{point['id']}.json"
        write_json(record, {**self.record(point), "files": files})
        return attempt

    def record(self, point: dict[str, Any]) -> dict[str, Any]:
        """Read a record."""
        found: dict[str, Any] = read_json(self.folder / "records/local" / f"{point['id']}.json")
        return found


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Return a study of two points by two repeats, the best of which is known, in the current folder."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text("study: quick\n")
    monkeypatch.chdir(tmp_path)
    runs = Runs(tmp_path / "results")
    for epochs, repeat, accuracy in ((2, 1, 0.81), (2, 2, 0.8), (8, 1, 0.89), (8, 2, 0.9)):
        runs.run(accuracy, epochs=epochs, repeat=repeat)
    return runs
