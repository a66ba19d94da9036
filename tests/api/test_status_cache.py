"""Test how the status of a study on other machines is kept up to date, with a stand-in for the machines."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fairmesh.api.status_cache import RemoteUpdates, StatusCache
from fairmesh.errors import FairmeshError
from fairmesh.files import write_json
from fairmesh.jobs.paths import StudyPaths
from fairmesh.status import remote
from tests.status.conftest import Study
from tests.waiting import wait_until


class StandIn:
    """Stand-in for questions to machines: each waits for permission to end."""

    def __init__(self) -> None:
        self.asked: list[StudyPaths] = []
        self.may_end = threading.Semaphore(0)
        self.error: Exception | None = None

    def __call__(self, paths: StudyPaths) -> list[str]:
        self.asked.append(paths)
        assert self.may_end.acquire(timeout=30)
        if self.error:
            raise self.error
        return []


@pytest.fixture
def machines(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()
    monkeypatch.setattr(remote, "update", stand_in)
    return stand_in


@pytest.fixture
def study(tmp_path: Path) -> Study:
    study = Study(tmp_path / "results")
    study.add(epochs=2)
    study.run(ended="2026-11-20T11:00:00.000Z")
    write_json(study.paths.machine("far"), {"machine": "far", "state": "connected"})
    return study


def updaters() -> int:
    """Return the number of updates in progress."""
    return sum(thread.name.startswith("update ") for thread in threading.enumerate())


def test_machines_are_asked_in_the_background_and_one_at_a_time(study: Study, machines: StandIn) -> None:
    cache = StatusCache(study.paths, 0.0)
    for _ in range(5):  # no request waits for the machines
        cache.forget()
        assert cache.status().machines
    wait_until(lambda: machines.asked == [study.paths], "one question")
    machines.may_end.release()
    wait_until(lambda: not updaters(), "its end")
    cache.forget()
    cache.status()
    assert machines.asked == [study.paths]  # the next one is asked half a minute later
    assert not updaters()


def test_the_next_update_follows_after_a_while_also_after_an_error(study: Study, machines: StandIn) -> None:
    machines.error = FairmeshError("far: no answer")
    updates, status = RemoteUpdates(study.paths, period=0.2), StatusCache(study.paths).status()
    machines.may_end.release(100)
    wait_until(lambda: updates.begin(status) or len(machines.asked) > 3, "some updates")
    wait_until(lambda: not updaters(), "their end")


def test_a_run_in_progress_and_a_study_without_machines_need_no_update(study: Study, machines: StandIn) -> None:
    study.run("this-run-2")
    StatusCache(study.paths).status()
    study.run("this-run-2", ended="2026-11-20T12:00:00.000Z")
    study.paths.machine("far").unlink()
    StatusCache(study.paths).status()
    assert not machines.asked
    assert not updaters()
