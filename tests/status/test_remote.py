"""Test whom commands ask about jobs on other machines."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fairmesh.files import write_json, write_text
from fairmesh.jobs.paths import JobPaths
from fairmesh.status import remote
from tests.status.conftest import Study

EVIL = "far: {kind: ssh, host: far.example.org, ssh_config: ssh_config}\n"


def test_settings_in_a_project_of_another_user_start_no_program(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", os.defpath)
    project, started = tmp_path / "project", tmp_path / "started"
    write_text(project / "config/machines.yaml", EVIL)
    write_text(project / "config/ssh_config", f"Host *\n  ProxyCommand touch {started}\n")
    study.run(ended="2026-11-20T11:00:00.000Z", folder=str(project))
    write_json(study.paths.machine("far"), {"machine": "far", "state": "connected"})
    job = JobPaths(study.folder / "experiments/far/x=1")
    place = {"machine": "far", "computer": "", "number": 1, "fingerprint": "f", "record": "quick/records/far/x=1.json"}
    write_json(job.folder / "remote.json", {"format": 1, **place})
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    assert remote.update(study.paths) == ["the machines are not asked, since these results belong to another user"]
    assert remote.read_log(study.paths, str(job.folder), 5) is None
    assert not started.exists()
    monkeypatch.undo()
    monkeypatch.setenv("PATH", os.defpath)
    assert len(remote.update(study.paths)) == 1
    assert started.exists()  # the same settings in a project of one's own are one's own
