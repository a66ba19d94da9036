"""A working folder in which Python starts real runs of the toy application."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from fairmesh.api import Project, run_process
from fairmesh.jobs.paths import StudyPaths
from tests.e2e.workplace import Workplace
from tests.waiting import wait_until


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workplace]:
    """Yield a working folder that is the current one, and end the runs that are left in it."""
    place = Workplace(tmp_path)
    monkeypatch.chdir(place.folder)
    monkeypatch.setenv("TOY_STARTS", str(place.folder / "starts"))
    yield place
    end_runs(Project.of(place.folder))


def end_runs(place: Project) -> None:
    """End what a test left running."""
    studies = [StudyPaths(path.parents[1], path.parent.name) for path in place.results.glob("*/runs")]
    for paths in studies:
        for run in run_process.runs(paths):
            if run.is_alive:
                os.killpg(run.pid, signal.SIGTERM)
        wait_until(
            lambda paths=paths: not any(process.is_alive for process in run_process.runs(paths)), "the end of all runs"
        )  # type: ignore[misc]
