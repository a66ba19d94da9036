"""Test machines of several computers, which can vanish (stand-ins: folders of this computer)."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from fairmesh.dispatch import computer_jobs
from fairmesh.machines.computers import Computer
from fairmesh.machines.transport import UnreachableError
from tests.dispatch.study import RemoteStudy, RentedComputers
from tests.waiting import wait_until

# Goes on where an earlier attempt stopped: the first one waits for ever after it has written its checkpoint.
RESUMES = """
import glob, json, os
number = int(os.path.basename(os.getcwd()))
others = glob.glob('../*/checkpoints/last.txt')
if others:
    json.dump({'score': float(open(others[0]).read())}, open('metrics.json', 'w'))
else:
    os.mkdir('checkpoints')
    open('checkpoints/last.txt', 'w').write('7')
    time.sleep(600)
"""


def test_an_experiment_goes_on_from_its_checkpoint_when_its_computer_is_gone(
    study: RemoteStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computer_jobs, "PARTIAL", 0.5)
    rented = RentedComputers(study, ["one"])
    job = study.add("x=1", "\n" + RESUMES)
    dispatcher = study.dispatcher(computers=lambda name, machine: rented)
    dispatcher.start()
    study.request("x=1")
    wait_until((job.paths.attempt(1) / "checkpoints/last.txt").exists, "a copy of the checkpoint")
    wait_until(lambda: study.status("x=1")["state"] == "running", "it is known to run")
    rented.names.append("two")
    rented.gone.add("one")
    assert study.wait("x=1") == ["0"]
    dispatcher.stop(cancel=False)
    record = json.loads(job.record.read_text())
    assert (record["attempt"], record["metrics"]["score"]["value"]) == (2, 7.0)
    assert study.status("x=1", 1)["state"] == "lost"
    assert study.status("x=1", 1)["reason"] == "its computer one is gone"
    assert not (job.paths.folder / "remote.json").exists()


def test_the_next_run_finds_a_job_on_its_computer_among_several(study: RemoteStudy) -> None:
    study.seconds = 5
    rented = RentedComputers(study, ["one", "two"], slots=1)
    for name in ("x=1", "x=2"):
        study.add(name)
    for run in ("run-1", "run-2"):
        dispatcher = study.dispatcher(run=run, computers=lambda name, machine: rented)
        dispatcher.start()
        study.request("x=1", "x=2", run=run)
        if run == "run-1":
            wait_until(lambda: study.starts("x=1") and study.starts("x=2"), "two jobs")
        else:
            assert study.wait("x=1", "x=2", run=run) == ["0", "0"]
        dispatcher.stop(cancel=False)
    assert [study.starts(name) for name in ("x=1", "x=2")] == [1, 1]
    assert len(list(study.place.glob("base-*/*/sweep/experiments/far/x=*"))) == 2


def test_jobs_wait_for_a_free_slot_and_exclusive_ones_for_an_empty_computer(study: RemoteStudy) -> None:
    study.seconds = 1
    rented = RentedComputers(study, ["one"], slots=2)
    names = ["x=1", "x=2", "x=3"]
    for name in names:
        study.add(name)
    study.jobs["x=3"] = replace(study.jobs["x=3"], is_exclusive=True)
    dispatcher = study.dispatcher(computers=lambda name, machine: rented)
    dispatcher.start()
    study.request(*names)
    assert study.wait(*names) == ["0"] * 3
    dispatcher.stop(cancel=False)
    times = [json.loads(study.jobs[name].record.read_text()) for name in names]
    assert times[2]["started"] >= max(times[0]["ended"], times[1]["ended"])


def test_nothing_starts_on_a_computer_that_ends_too_soon(study: RemoteStudy) -> None:
    class Ending(RentedComputers):
        def ready(self, wanted: int) -> Sequence[Computer]:
            return [replace(computer, ends=time.time() + 600) for computer in super().ready(wanted)]

    rented = Ending(study, ["one"])
    study.jobs["x=1"] = replace(study.add("x=1"), resources={"runtime": 60})
    study.jobs["x=2"] = replace(study.add("x=2"), resources={"runtime": 1})
    dispatcher = study.dispatcher(computers=lambda name, machine: rented)
    dispatcher.start()
    study.request("x=1", "x=2")
    assert study.wait("x=2") == ["0"]
    dispatcher.stop(cancel=False)
    assert study.starts("x=1") == 0


def test_computers_are_released_when_nothing_is_left_and_kept_for_what_goes_on(
    study: RemoteStudy, tmp_path: Path
) -> None:
    rented = RentedComputers(study, ["one"])
    study.add("x=1")
    dispatcher = study.dispatcher(computers=lambda name, machine: rented)
    dispatcher.start()
    study.request("x=1")
    study.wait("x=1")
    wait_until(lambda: rented.released, "the release")
    study.seconds = 30
    study.add("x=2")
    study.request("x=2")
    wait_until(lambda: study.starts("x=2"), "a running job")
    before = rented.released
    dispatcher.stop(cancel=False)
    assert rented.released == before


def test_computers_that_ended_with_the_run_are_not_shown_any_more(study: RemoteStudy) -> None:
    class EndingWithTheRun(RentedComputers):
        def close(self) -> None:
            self.gone.update(self.names)

    rented = EndingWithTheRun(study, ["one", "two"])
    study.add("x=1")
    dispatcher = study.dispatcher(computers=lambda name, machine: rented)
    dispatcher.start()
    study.request("x=1")
    study.wait("x=1")
    assert [computer["name"] for computer in study.machine_state()["computers"]] == ["one", "two"]
    dispatcher.stop(cancel=False)
    assert study.machine_state()["computers"] == []
    assert study.machine_state()["last_seen"]


def test_computers_are_released_for_good_as_soon_as_the_last_experiment_of_the_run_has_ended(
    study: RemoteStudy,
) -> None:
    rented = RentedComputers(study, ["one"])
    for name in ("x=1", "x=2"):
        study.add(name)
    dispatcher = study.dispatcher(computers=lambda name, machine: rented, expected=["x=1", "x=2"])
    dispatcher.start()
    study.request("x=1")
    assert study.wait("x=1") == ["0"]
    wait_until(lambda: rented.released, "a release")
    assert not rented.is_final
    study.request("x=2")
    assert study.wait("x=2") == ["0"]
    wait_until(lambda: rented.is_final, "the last release, although the run goes on")
    dispatcher.stop(cancel=False)


def test_what_computers_report_is_shown_although_none_of_them_can_be_used(study: RemoteStudy) -> None:
    rented = RentedComputers(study, [], problem=UnreachableError("no instance can be created"))
    rented.lines.append("no instance can be created: quota of 0 instances; it is tried again")
    study.add("x=1")
    dispatcher = study.dispatcher(computers=lambda name, machine: rented)
    dispatcher.start()
    study.request("x=1")
    wait_until(lambda: any("quota of 0" in line for line in study.said), "the reason")
    dispatcher.stop(cancel=False)


def test_an_end_from_outside_waits_for_proof_that_the_computer_is_gone(
    study: RemoteStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    rented = RentedComputers(study, ["one"])
    program = "os.getcwd().endswith('/1') and time.sleep(600); json.dump({'score': 1}, open('metrics.json', 'w'))"
    job = study.add("x=1", f"import json, os; {program}")
    dispatcher = study.dispatcher(computers=lambda name, machine: rented)
    dispatcher.start()
    study.request("x=1")
    wait_until(lambda: study.status("x=1").get("state") == "running", "a running job")
    study.end()
    wait_until(lambda: study.status("x=1").get("state") in {"lost", "failed", "cancelled"}, "its end")
    assert study.answer("x=1") == ""
    rented.names.append("two")
    rented.gone.add("one")
    assert study.wait("x=1") == ["0"]
    dispatcher.stop(cancel=False)
    assert json.loads(job.record.read_text())["attempt"] == 2
