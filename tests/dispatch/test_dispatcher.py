"""Test the dispatcher with jobs that run in processes of this computer."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fairmesh.dispatch.dispatcher import Dispatcher
from tests.dispatch.study import ApplicationFiles, NeededStage, RemoteStudy
from tests.waiting import wait_until


@pytest.fixture
def running(study: RemoteStudy) -> Iterator[Dispatcher]:
    """Yield a dispatcher that has started."""
    dispatcher = study.dispatcher()
    dispatcher.start()
    yield dispatcher
    dispatcher.stop(cancel=False)


def test_jobs_run_on_their_machine_and_their_results_come_back(study: RemoteStudy, running: Dispatcher) -> None:
    names = [f"x={number}" for number in range(5)]
    for name in names:
        study.add(name)
    study.request(*names)
    assert study.wait(*names) == ["0"] * 5
    for name in names:
        assert study.starts(name) == 1
        job = study.jobs[name]
        assert job.record.read_bytes() == job.paths.commit.read_bytes()
        assert json.loads((job.paths.attempt(1) / "metrics.json").read_text()) == {"score": 1.5}
        assert study.status(name)["state"] == "done"
        assert not (job.paths.folder / "remote.json").exists()
    record = json.loads(study.jobs["x=0"].record.read_text())
    assert (study.paths.home / "environments" / f"{record['environment']}.json").is_file()
    assert (study.machine_state()["state"], study.machine_state()["host"]) == ("connected", "far.example.org")
    assert not list(study.paths.folder.glob(".fetched*"))


def test_git_leaves_states_of_machines_out_also_in_an_old_results_folder(
    study: RemoteStudy, tmp_path: Path, running: Dispatcher
) -> None:
    study.add("x=1")
    results = study.paths.home
    (results / ".gitignore").write_text("/*/experiments/\n")  # that of an older version
    study.request("x=1")
    study.wait("x=1")
    assert study.machine_state()["machine"] == "far"
    for command in (["init", "-q"], ["add", str(results)]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True, timeout=60)
    added = subprocess.run(["git", "ls-files"], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60)
    assert "project/results/sweep/records/far/x=1.json" in added.stdout
    assert "machines/" not in added.stdout


def test_a_machine_was_last_seen_at_its_last_answer_also_in_an_earlier_run(study: RemoteStudy) -> None:
    seen = []
    for run in ("run-1", "run-2", "run-3"):
        dispatcher = study.dispatcher(run=run)
        dispatcher.start()
        if run != "run-2":  # in which nothing is asked
            study.add("x=" + run)
            study.request("x=" + run, run=run)
            assert study.wait("x=" + run, run=run) == ["0"]
        dispatcher.stop(cancel=False)
        seen.append(study.machine_state()["last_seen"])
    assert "" < seen[0] == seen[1] < seen[2]


def test_a_failed_attempt_comes_back_with_its_log(study: RemoteStudy, running: Dispatcher) -> None:
    study.add("x=1", "print('no luck today'); raise SystemExit(3)")
    study.request("x=1")
    (answer,) = study.wait("x=1")
    assert answer.splitlines()[0] == "fairmesh: x=1 failed: exit code 3"
    assert "no luck today" in answer
    assert "no luck today" in (study.jobs["x=1"].paths.attempt(1) / "job.log").read_text()
    assert study.status("x=1")["state"] == "failed"


def test_the_next_run_tries_a_failed_job_again(study: RemoteStudy) -> None:
    code = "import os; n = os.getcwd().split('/')[-1]; print('attempt', n); n == '2' or exit(1); "
    study.add("x=1", code + "import json; json.dump({'score': 2}, open('metrics.json', 'w'))")
    for run, expected in (("run-1", "fairmesh: x=1 failed: exit code 1"), ("run-2", "0")):
        dispatcher = study.dispatcher(run=run)
        dispatcher.start()
        study.request("x=1", run=run)
        assert study.wait("x=1", run=run)[0].splitlines()[0] == expected
        dispatcher.stop(cancel=False)
    assert [study.status("x=1", attempt)["state"] for attempt in (1, 2)] == ["failed", "done"]
    assert json.loads(study.jobs["x=1"].record.read_text())["attempt"] == 2


def test_a_running_job_is_shown_and_the_next_run_finds_it(study: RemoteStudy) -> None:
    study.seconds = 6
    study.add(
        "x=1",
        "print('# fairmesh progress=50', flush=True); time.sleep(2); "
        "import json; json.dump({'score': 1}, open('metrics.json', 'w'))",
    )
    first = study.dispatcher()
    first.start()
    study.request("x=1")
    wait_until(lambda: study.status("x=1").get("state") == "running", "a running job")
    assert json.loads((study.jobs["x=1"].paths.folder / "remote.json").read_text())["number"] == 1
    first.stop(cancel=False)
    assert "the next run fetches its result" in study.answer("x=1")
    second = study.dispatcher(run="run-2")
    second.start()
    study.request("x=1", run="run-2")
    assert study.wait("x=1", run="run-2") == ["0"]
    second.stop(cancel=False)
    assert study.starts("x=1") == 1


def test_a_cancelled_job_ends_and_its_rule_learns_who_did_it(study: RemoteStudy, running: Dispatcher) -> None:
    study.seconds = 60
    study.add("x=1")
    study.request("x=1")
    wait_until(lambda: study.status("x=1").get("state") == "running", "a running job")
    study.jobs["x=1"].paths.cancel.write_text('{"format": 1, "who": "ada", "when": "2026-01-01"}')
    answer = study.wait("x=1")[0]
    assert "cancelled: cancelled by ada at " in answer
    assert answer.count(" at ") == 1


def test_the_end_of_a_run_by_its_user_cancels_what_it_waits_for(study: RemoteStudy) -> None:
    study.seconds = 60
    study.add("x=1")
    dispatcher = study.dispatcher()
    dispatcher.start()
    study.request("x=1")
    wait_until(lambda: study.status("x=1").get("state") == "running", "a running job")
    dispatcher.stop(cancel=True, who="Ctrl-C")
    assert "fairmesh: x=1 cancelled: cancelled by Ctrl-C at " in study.wait("x=1")[0]
    study.add("x=2")
    study.request("x=2")
    assert "fairmesh: x=2 cancelled" in study.wait("x=2")[0]
    dispatcher.stop(cancel=False)
    assert study.starts("x=2") == 0


def test_stages_and_applications_are_stored_once(study: RemoteStudy, tmp_path: Path, running: Dispatcher) -> None:
    stage = study.add_stage()
    study.request("numbers-0123456789ab", kind="stages")
    assert study.wait("numbers-0123456789ab", kind="stages") == ["0"]
    assert (stage.paths.attempt(1) / "numbers.txt").read_text() == "1 2 3"
    # another home, where the stage was not made
    (tmp_path / "base").rename(tmp_path / "old")
    code = tmp_path / "app"
    code.mkdir()
    (code / "tool.sh").write_text("echo 5")
    (code / "tool.sh").chmod(0o755)
    application = ApplicationFiles("applications/0123456789ab/toy", code, [code / "tool.sh"])
    program = (
        "import json, os; there = os.environ['FAIRMESH_STAGE_NUMBERS'], os.environ['FAIRMESH_APPLICATION'];"
        "assert os.access(there[1] + '/tool.sh', os.X_OK);"
        "json.dump({'score': len(open(there[0] + '/numbers.txt').read())}, open('metrics.json', 'w'))"
    )
    changes = {
        "stages": {"numbers": stage.fingerprint},
        "application": {"name": "toy", "version": "1", "folder": application.target},
    }
    for name in ("x=1", "x=2"):
        job = study.add(name, program, **changes)
        need = NeededStage(stage.paths, stage.fingerprint)
        study.jobs[name] = replace(job, stages=[need], application=application)
    study.request("x=1", "x=2")
    assert study.wait("x=1", "x=2") == ["0", "0"]
    assert json.loads(study.jobs["x=1"].record.read_text())["metrics"]["score"]["value"] == 5


def test_a_program_that_a_stage_has_built_stays_executable(study: RemoteStudy) -> None:
    build = "import os; open('tool', 'w').write('#!/bin/sh'); os.chmod('tool', 0o4700); open('notes', 'w').write('1')"
    stage = study.add_stage(code=build)
    _run(study, "stages", "numbers-0123456789ab", "run-1")
    here = stage.paths.attempt(1)
    assert os.access(here / "tool", os.X_OK)
    assert not (here / "tool").stat().st_mode & stat.S_ISUID
    assert not (here / "notes").stat().st_mode & 0o111
    (study.paths.home / ".machine-home").unlink()  # another machine, which needs it
    job = study.add("x=1", stages={"numbers": stage.fingerprint})
    study.jobs["x=1"] = replace(job, stages=[NeededStage(stage.paths, stage.fingerprint)])
    _run(study, "experiments", "x=1", "run-2")
    assert os.access(study.home / stage.paths.folder.relative_to(study.paths.home) / "attempts/1/tool", os.X_OK)


def _run(study: RemoteStudy, kind: str, identity: str, run: str) -> None:
    dispatcher = study.dispatcher(run=run)
    dispatcher.start()
    study.request(identity, kind=kind, run=run)
    assert study.wait(identity, kind=kind, run=run) == ["0"]
    dispatcher.stop(cancel=False)


def test_a_stage_that_is_not_complete_here_fails_only_what_needs_it(study: RemoteStudy, running: Dispatcher) -> None:
    job = study.add("x=1")
    stage = study.paths.stage_job("toy", "numbers-0123456789ab")
    study.jobs["x=1"] = replace(job, stages=[NeededStage(stage, "0" * 64)])
    study.add("x=2")
    study.request("x=1", "x=2")
    answers = study.wait("x=1", "x=2")
    assert "holds no complete result of this stage" in answers[0]
    assert answers[1] == "0"


def test_a_forced_job_runs_again_and_once(study: RemoteStudy, running: Dispatcher) -> None:
    study.add("x=1")
    study.request("x=1")
    study.wait("x=1")
    running.stop(cancel=False)
    study.jobs["x=1"] = replace(study.jobs["x=1"], force=True)
    dispatcher = study.dispatcher(run="run-2")
    dispatcher.start()
    study.request("x=1", run="run-2")
    assert study.wait("x=1", run="run-2") == ["0"]
    dispatcher.stop(cancel=False)
    record = json.loads(study.jobs["x=1"].record.read_text())
    assert (record["attempt"], record["run"], study.starts("x=1")) == (2, "run-2", 2)


def test_a_result_that_became_history_is_not_fetched_again(study: RemoteStudy, running: Dispatcher) -> None:
    job = study.add("x=1")
    study.request("x=1")
    study.wait("x=1")
    running.stop(cancel=False)
    history = study.paths.folder / "history/far/x=1/1.json"
    history.parent.mkdir(parents=True)
    job.record.rename(history)
    job.paths.commit.unlink()
    dispatcher = study.dispatcher(run="run-2")
    dispatcher.start()
    study.request("x=1", run="run-2")
    assert study.wait("x=1", run="run-2") == ["0"]
    dispatcher.stop(cancel=False)
    assert json.loads(job.record.read_text())["attempt"] == 2
    assert study.starts("x=1") == 2


def test_a_result_on_the_machine_is_fetched_without_another_start(study: RemoteStudy, running: Dispatcher) -> None:
    job = study.add("x=1")
    study.request("x=1")
    study.wait("x=1")
    running.stop(cancel=False)
    job.record.unlink()
    job.paths.commit.unlink()
    (job.paths.attempt(1) / "metrics.json").unlink()
    dispatcher = study.dispatcher(run="run-2")
    dispatcher.start()
    study.request("x=1", run="run-2")
    assert study.wait("x=1", run="run-2") == ["0"]
    dispatcher.stop(cancel=False)
    assert (job.record.exists(), study.starts("x=1")) == (True, 1)
    assert (job.paths.attempt(1) / "metrics.json").exists()


def test_an_unknown_job_is_answered(study: RemoteStudy, running: Dispatcher) -> None:
    study.request("x=1")
    assert study.wait("x=1") == ["'x=1'"]
