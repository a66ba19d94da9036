"""Test what commands exchange with machines while no run does."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from fairmesh.dispatch.answers import ABSENT
from fairmesh.dispatch.synchronizing import read_log, synchronize
from fairmesh.jobs.lock import RunLock
from fairmesh.machines.computers import Computers, SingleComputer
from fairmesh.machines.transport import Transport, UnreachableError
from fairmesh.runner.claims import Claims
from fairmesh.study.machines import Machine
from tests.dispatch.faults import DirectTransport, FaultyTransport
from tests.dispatch.study import MACHINE, RemoteStudy
from tests.waiting import wait_until

MACHINES = {MACHINE: Machine(kind="ssh", host="far.example.org")}


def leave(study: RemoteStudy, *names: str) -> None:
    """Start jobs, and end their run while they run."""
    dispatcher = study.dispatcher()
    dispatcher.start()
    study.request(*names)
    for name in names:
        wait_until(lambda name=name: study.status(name).get("state") == "running", f"{name} runs")  # type: ignore[misc]
    dispatcher.stop(cancel=False)


def update(study: RemoteStudy, transport: Transport | None = None, seconds: float = 8.0) -> list[str]:
    """Synchronize once."""

    def computers(name: str, machine: Machine, *_: object) -> Computers:
        return SingleComputer(transport or study.transport(), 1000)

    return synchronize(study.paths, study.place / "project", seconds, computers, MACHINES)


def ends_there(study: RemoteStudy, name: str) -> None:
    """Wait until a job has ended on its machine, without asking it."""
    folder = study.home / "sweep/experiments/far" / name
    wait_until(lambda: Claims(str(folder)).is_over(1), f"{name} ends")


def test_results_and_failures_are_fetched_without_a_run(study: RemoteStudy) -> None:
    study.seconds = 5
    study.add("x=1")
    study.add("x=2", "print('no luck'); raise SystemExit(3)")
    leave(study, "x=1", "x=2")
    assert update(study) == []
    assert study.status("x=1")["state"] == "running"
    for name in ("x=1", "x=2"):
        ends_there(study, name)
    assert update(study) == []
    assert study.jobs["x=1"].record.exists()
    assert study.status("x=2")["state"] == "failed"
    assert "no luck" in (study.jobs["x=2"].paths.attempt(1) / "job.log").read_text()
    assert not list(study.paths.folder.glob("experiments/*/*/remote.json"))
    broken = FaultyTransport(study.transport(), ["before"])
    assert update(study, broken) == []
    assert broken.calls == []


def test_a_request_to_cancel_is_forwarded_without_a_run(study: RemoteStudy) -> None:
    study.seconds = 60
    study.add("x=1")
    leave(study, "x=1")
    study.jobs["x=1"].paths.cancel.write_text('{"format": 1, "who": "ada", "when": "2026-01-01"}')
    assert update(study) == []
    ends_there(study, "x=1")
    assert update(study) == []
    assert study.status("x=1")["state"] == "cancelled"
    assert "ada" in study.status("x=1")["reason"]


def test_a_machine_that_does_not_answer_costs_little_time_and_a_message(study: RemoteStudy) -> None:
    study.seconds = 60
    study.add("x=1")
    leave(study, "x=1")
    broken = FaultyTransport(study.transport(), ["before"] * 100)
    (message,) = update(study, broken)
    assert message.startswith("far: far: the request got lost; its jobs are shown as they were known before")
    assert study.status("x=1")["state"] == "running"
    assert study.machine_state()["state"] in {"unreachable", "paused"}

    class Hanging(DirectTransport):
        def call(self, *arguments: object, **options: object) -> dict[str, object]:
            threading.Event().wait(20)
            raise UnreachableError("far: no answer")

    (message,) = update(study, Hanging(study.base, b""), seconds=0.5)
    assert "no answer within 0.5 s" in message


def test_one_failed_request_keeps_when_the_machine_was_seen_and_is_no_pause(study: RemoteStudy) -> None:
    study.seconds = 60
    study.add("x=1")
    leave(study, "x=1")
    assert update(study) == []
    before = json.loads(study.paths.machine(MACHINE).read_text())
    assert before["last_seen"]
    assert update(study, FaultyTransport(study.transport(), ["before"] * 99), seconds=3)
    after = json.loads(study.paths.machine(MACHINE).read_text())
    assert (after["last_seen"], after["state"], after["host"]) == (before["last_seen"], "unreachable", before["host"])
    study.jobs["x=1"].paths.cancel.write_text('{"format": 1, "who": "ada", "when": "2026-01-01"}')
    update(study)


def test_a_machine_of_another_process_is_left_to_it(study: RemoteStudy) -> None:
    study.seconds = 60
    study.add("x=1")
    leave(study, "x=1")
    lock = RunLock(study.paths.machines / "far.lock")
    assert lock.try_take()
    transport = FaultyTransport(study.transport())
    assert update(study, transport) == []
    assert transport.calls == []
    lock.release()


def test_an_attempt_whose_folder_is_gone_is_reported_and_the_next_run_starts_it(study: RemoteStudy) -> None:
    study.seconds = 60
    study.add("x=1")
    leave(study, "x=1")
    study.end()
    (study.place / "base").rename(study.place / "base-old")
    study.seconds = 0
    job = study.add("x=1")
    dispatcher = study.dispatcher(run="run-2")
    dispatcher.start()
    study.request("x=1", run="run-2")
    assert "its folder is gone on far" in study.wait("x=1", run="run-2")[0]
    assert study.status("x=1")["state"] == "lost"
    dispatcher.stop(cancel=False)
    dispatcher = study.dispatcher(run="run-3")
    dispatcher.start()
    study.request("x=1", run="run-3")
    assert study.wait("x=1", run="run-3") == ["0"]
    dispatcher.stop(cancel=False)
    assert json.loads(job.record.read_text())["attempt"] == 2


def test_the_log_of_a_running_attempt_is_read_from_its_machine(study: RemoteStudy) -> None:
    study.seconds = 0
    study.add("x=1", "print('step 1\\x1b[31m', flush=True); time.sleep(60)")
    leave(study, "x=1")

    def computers(*_: object) -> Computers:
        return SingleComputer(study.transport(), 1)

    def lines() -> list[str] | None:
        return read_log(study.paths, study.place, study.jobs["x=1"].paths, 5, computers, MACHINES)

    wait_until(lambda: lines() == ["step 1"], "the line of the log")
    study.add("x=2")
    assert read_log(study.paths, study.place, study.jobs["x=2"].paths, 5, computers, MACHINES) is None


@pytest.mark.parametrize("count", [3])
def test_commands_at_once_fetch_once(study: RemoteStudy, count: int) -> None:
    study.seconds = 4
    study.add("x=1")
    leave(study, "x=1")
    ends_there(study, "x=1")
    children = []
    for _ in range(count):
        child = os.fork()
        if child == 0:
            os._exit(len(update(study)))
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * count
    assert study.jobs["x=1"].record.exists()
    assert study.status("x=1")["state"] == "done"


def test_nothing_is_asked_where_no_machine_was_used(tmp_path: Path) -> None:
    study = RemoteStudy(tmp_path)
    study.add("x=1")
    assert update(study) == []
    assert not study.paths.machines.exists()
    assert ABSENT not in study.status("x=1").values()


def test_a_run_and_commands_at_once_do_not_disturb_each_other(study: RemoteStudy) -> None:
    study.seconds = 1
    names = [f"x={number}" for number in range(3)]
    for name in names:
        study.add(name)
    is_over = threading.Event()
    notes: list[str] = []

    def repeat() -> None:
        while not is_over.is_set():
            notes.extend(update(study))

    commands = [threading.Thread(target=repeat) for _ in range(2)]
    for command in commands:
        command.start()
    dispatcher = study.dispatcher()
    dispatcher.start()
    try:
        study.request(*names)
        answers = study.wait(*names)
    finally:
        dispatcher.stop(cancel=False)
        is_over.set()
        for command in commands:
            command.join()
    assert answers == ["0"] * 3
    assert [study.starts(name) for name in names] == [1, 1, 1]
    assert all(study.jobs[name].record.exists() for name in names)
    assert notes == []
