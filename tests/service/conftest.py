"""A service over a study in the middle of a run, spoken to without a network."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fairmesh.api import Project
from fairmesh.files import write_text
from fairmesh.service.app import create_app
from fairmesh.service.guard import Limits
from tests.e2e.workplace import ROOT
from tests.service.speaking import TOKEN, Speaker
from tests.status.conftest import GONE, Study


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Return a study whose run goes on: one experiment is done, one failed, one runs, one waits."""
    monkeypatch.setenv("PATH", "")  # no scheduler
    study = Study(tmp_path / "results")
    points = [study.add(epochs=epochs) for epochs in (1, 2, 10, 20)]
    study.run("5b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11")
    attempt = study.finish(points[0], {"accuracy": 0.9})
    write_text(attempt / "tables/scenes.csv", "scene,accuracy\na,0.5\n")
    failed = study.start(points[1], "failed", run="5b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11", reason="exit code 3")
    write_text(failed / "job.log", "first\n\x1b[31msecond\x1b[0m\nlast")
    study.start(points[2], "running", run="5b0f7a52-2a5e-4a52-9d1c-0d2f6a1b9c11", host="elsewhere", progress=40)
    study.claim(points[2], **GONE)
    study.job(points[3]).mkdir(parents=True)
    return study


@pytest.fixture
def project(study: Study, tmp_path: Path) -> Project:
    """Return the working folder of the study: with a workflow of its own, so that nothing is written elsewhere."""
    write_text(tmp_path / "Snakefile", "")
    write_text(tmp_path / "config/config.yaml", "study: small\n")
    write_text(tmp_path / "config/machines.yaml", "local: {kind: local}\n")
    write_text(tmp_path / "config/studies/small.yaml", "study: small\napplication: toy\nparameters: {value: [1, 2]}\n")
    write_text(tmp_path / "profiles/local/machine.yaml", "machine: local\n")
    write_text(tmp_path / "profiles/local/config.yaml", "cores: 1\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/toy").symlink_to(ROOT / "tests/toy")
    return Project.of(tmp_path)


@pytest.fixture
def speaker(project: Project) -> Iterator[Speaker]:
    """Yield somebody who has the token."""
    limits = Limits(body=1 << 20, receiving=2.0, seconds=20.0)
    with Speaker(create_app(project, TOKEN, limits=limits)) as found:
        yield found


@pytest.fixture
def anonymous(speaker: Speaker) -> Speaker:
    """Return somebody without a token."""
    return speaker.without("authorization")
