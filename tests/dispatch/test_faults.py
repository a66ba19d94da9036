"""Test that each job starts exactly once and comes back whole, whatever is cut, lost, damaged or killed."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairmesh.dispatch import backoff, computer_jobs, open_job
from fairmesh.jobs.lookup import remove_half_written
from fairmesh.jobs.render import archive
from fairmesh.machines.transport import Transport
from tests.dispatch.faults import DirectTransport, FaultyTransport, KillingTransport, kill_at_change
from tests.dispatch.study import RemoteStudy

FAULTS = ("", "before", "after", "cut", "corrupt")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr(backoff, "FIRST", 0.01)
    monkeypatch.setattr(backoff, "LONGEST", 0.05)
    monkeypatch.setattr(open_job, "LONGEST", 0.05)
    monkeypatch.setattr(computer_jobs, "SHORTEST", 0.1)
    monkeypatch.setattr(computer_jobs, "LONGEST_PAUSE", 0.2)
    monkeypatch.setattr(computer_jobs, "SOON", 0.0)


@pytest.fixture(scope="module")
def runner() -> bytes:
    """Return the runner."""
    return archive()


def run(study: RemoteStudy, transport: Transport, *names: str, run: str = "run-1") -> list[str]:
    """Serve the requests for jobs until all are answered; return the answers."""
    dispatcher = study.dispatcher(transport, run)
    dispatcher.start()
    study.request(*names, run=run)
    answers = study.wait(*names, run=run)
    dispatcher.stop(cancel=False)
    return answers


def in_child(action: Callable[[], object]) -> int:
    """Run something in a process of its own; return the signal that ended it, or 0."""
    child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def check_whole(study: RemoteStudy, *names: str) -> None:
    """Check that each job has started once, and its result is here."""
    for name in names:
        job = study.jobs[name]
        assert study.starts(name) == 1
        record = json.loads(job.record.read_text())
        assert record["attempt"] == 1
        assert (job.paths.attempt(1) / "metrics.json").is_file()
        assert study.status(name)["state"] == "done"
        assert not (job.paths.folder / "remote.json").exists()
        assert not list(job.paths.folder.rglob(".*.half"))
    assert not list(study.paths.folder.glob(".fetched*"))


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(FAULTS), max_size=14))
def test_faults_in_any_order_cause_no_second_start(runner: bytes, faults: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        study = RemoteStudy(Path(folder))
        study.add("x=1")
        study.add("x=2")
        transport = FaultyTransport(DirectTransport(study.base, runner), faults)
        assert run(study, transport, "x=1", "x=2") == ["0", "0"]
        check_whole(study, "x=1", "x=2")
        study.end()


POINTS = [(verb, when) for verb in ("poll", "store", "start", "fetch") for when in ("before", "after")]


@pytest.mark.parametrize(("verb", "when"), POINTS)
def test_a_killed_client_causes_no_second_start(study: RemoteStudy, runner: bytes, verb: str, when: str) -> None:
    study.add("x=1")
    direct = DirectTransport(study.base, runner)
    ended = in_child(lambda: run(study, KillingTransport(direct, verb, when), "x=1"))
    assert ended == signal.SIGKILL
    assert run(study, direct, "x=1", run="run-2") == ["0"]
    remove_leftovers(study)
    check_whole(study, "x=1")


# Around the place on the machine, the mirror, the attempt, its environment, the commit, the record and the answer.
CHANGES = (14, 17, 22, 53, 55, 56, 57, 60, 61, 66, 80, 82)


@pytest.mark.parametrize("number", CHANGES)
def test_a_client_killed_at_any_change_of_files_causes_no_second_start(
    study: RemoteStudy, runner: bytes, number: int
) -> None:
    check_killed_at(study, runner, number)


@pytest.mark.long
@pytest.mark.parametrize("number", [number for number in range(1, 90) if number not in CHANGES])
def test_a_client_killed_at_each_change_of_files_causes_no_second_start(
    study: RemoteStudy, runner: bytes, number: int
) -> None:
    check_killed_at(study, runner, number)


def check_killed_at(study: RemoteStudy, runner: bytes, number: int) -> None:
    study.add("x=1")
    direct = DirectTransport(study.base, runner)

    def killed() -> None:
        kill_at_change(number)
        run(study, study.transport(), "x=1")

    ended = in_child(killed)
    assert ended in {0, signal.SIGKILL}
    assert run(study, direct, "x=1", run="run-2") == ["0"]
    remove_leftovers(study)
    check_whole(study, "x=1")


def remove_leftovers(study: RemoteStudy) -> None:
    """Remove half-written files of killed processes, as the next run does."""
    remove_half_written(study.paths, ["far"])


def test_two_clients_at_once_cause_one_start(study: RemoteStudy, runner: bytes) -> None:
    study.seconds = 1
    study.add("x=1")
    children = []
    for name in ("run-1", "run-2"):
        child = os.fork()
        if child == 0:
            run(study, study.transport(), "x=1", run=name)
            os._exit(0)
        children.append(child)
    deadline = time.monotonic() + 60
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert time.monotonic() < deadline
    assert study.answer("x=1", run="run-1") == study.answer("x=1", run="run-2") == "0"
    check_whole(study, "x=1")


def test_a_late_request_of_a_killed_client_starts_nothing(study: RemoteStudy, runner: bytes) -> None:
    study.add("x=1", "raise SystemExit(1)")
    direct = DirectTransport(study.base, runner)
    late: list[object] = []

    class Recording(FaultyTransport):
        def call(self, request, payload=None, save=None, timeout=60.0):  # type: ignore[no-untyped-def]
            if request["verb"] == "start":
                late.append(request)
            return super().call(request, payload, save, timeout)

    assert "failed" in run(study, Recording(direct), "x=1")[0]
    direct.call(late[0])  # type: ignore[arg-type]
    time.sleep(1)
    assert study.starts("x=1") == 1
