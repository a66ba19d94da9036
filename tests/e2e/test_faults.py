"""Failing experiments, and ends by signal at any moment: the rest is finished, nothing finished starts again."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from fairmesh.runner import owner
from tests.e2e.workplace import RECORDS_ONLY, Workplace, kill
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e


def test_failures_are_published_and_alone_start_again(workplace: Workplace) -> None:
    workplace.study({"behaviour": ["exit", "nan", "no-metrics", "good"]}, title="Three faults")
    output = workplace.run(status=1)
    reasons = {
        "behaviour=exit": "exit code 3",
        "behaviour=nan": "metric 'score' is nan, not a finite number of double precision",
        "behaviour=no-metrics": "the program wrote no metrics.json in the folder that it was started in, "
        ".../behaviour=no-metrics/attempts/1",
    }
    for identity, reason in reasons.items():
        assert (workplace.status(identity)["state"], workplace.status(identity)["reason"]) == ("failed", reason)
        assert f"{identity}   failed: {reason}" in output
    assert "toy: something went wrong" in output, "the last lines of the log"
    assert workplace.recorded() == {"behaviour=good"}
    page = (workplace.folder / "site/public/studies/sweep/index.html").read_text()
    assert "exit code 3" in page
    assert not (workplace.results / "sweep/published.json").exists()

    workplace.forget_starts()
    workplace.edit("toy/toy.py", "sys.exit(3)", "pass")
    workplace.run(status=1)
    assert set(workplace.starts()) == set(reasons)
    assert workplace.recorded() == {"behaviour=good", "behaviour=exit"}


def test_a_cancelled_experiment_ends_though_it_ignores_the_request(workplace: Workplace) -> None:
    workplace.study({"behaviour": ["deaf", "good"]})
    process = workplace.start(*RECORDS_ONLY)
    wait_until(lambda: workplace.recorded() == {"behaviour=good"}, "the good one is done")
    wait_until(lambda: workplace.status("behaviour=deaf").get("state") == "running", "the deaf one runs")
    assert process.poll() is None
    (workplace.job("behaviour=deaf") / "cancel.json").write_text(json.dumps({"who": "a test", "when": ""}))
    process.wait(60)
    assert process.returncode == 1
    assert workplace.status("behaviour=deaf")["state"] == "cancelled"
    assert workplace.status("behaviour=deaf")["reason"] == "cancelled by a test"


@pytest.fixture
def running(workplace: Workplace) -> Workplace:
    """Return a workplace whose study has four experiments of some seconds."""
    workplace.study({"value": [1, 2, 3, 4]})
    workplace.edit("toy/application.yaml", "default: 0, minimum", "default: 5, minimum")
    return workplace


def _two_run(workplace: Workplace) -> bool:
    return len(workplace.experiments_started()) == 2


def test_orphans_of_a_killed_snakemake_are_waited_for(running: Workplace) -> None:
    process = running.start(*RECORDS_ONLY)
    wait_until(lambda: _two_run(running), "two experiments run")
    kill(process)
    output = running.run(*RECORDS_ONLY)
    assert "from an earlier run" in output
    assert running.experiments_started() == {f"value={value}": 1 for value in (1, 2, 3, 4)}
    assert len(running.recorded()) == 4
    assert not running.half_written()


@pytest.mark.long
def test_orphans_that_ended_meanwhile_count(running: Workplace) -> None:
    process = running.start(*RECORDS_ONLY)
    wait_until(lambda: _two_run(running), "two experiments run")
    kill(process)
    wait_until(lambda: len(running.recorded()) == 2, "the orphans have ended")
    running.run(*RECORDS_ONLY)
    assert running.experiments_started() == {f"value={value}": 1 for value in (1, 2, 3, 4)}
    assert len(running.recorded()) == 4


@pytest.mark.long
def test_a_default_changed_after_a_crash_is_noticed(running: Workplace) -> None:
    process = running.start(*RECORDS_ONLY)
    wait_until(lambda: _two_run(running), "two experiments run")
    kill(process)
    wait_until(lambda: len(running.recorded()) == 2, "the orphans have ended")
    running.forget_starts()
    running.edit("toy/application.yaml", "default: 5, minimum: 0", "default: 0, minimum: 0")
    running.run(*RECORDS_ONLY)
    assert running.experiments_started() == {f"value={value}": 1 for value in (1, 2, 3, 4)}
    assert running.record("value=1")["parameters"]["seconds"] == 0


def test_a_killed_runner_whose_program_lives_is_replaced(running: Workplace) -> None:
    process = running.start(*RECORDS_ONLY)
    wait_until(lambda: _two_run(running), "two experiments run")
    first, second = sorted(running.experiments_started())
    wait_until((running.job(first) / "attempts/1/process.json").exists, "its program is known")
    program = json.loads((running.job(first) / "attempts/1/process.json").read_text())
    os.kill(running.status(first)["pid"], signal.SIGKILL)
    kill(process)
    assert owner.is_alive(program), "the program outlives its runner"
    running.run(*RECORDS_ONLY)
    assert not owner.is_alive(program)
    assert running.experiments_started() == {f"value={value}": 1 for value in (1, 2, 3, 4)} | {first: 2}
    assert running.record(first)["attempt"] == 2
    assert running.record(second)["attempt"] == 1
    assert len(running.recorded()) == 4


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, 1),
        (signal.SIGTERM, 2),
        (signal.SIGKILL, 5),
        pytest.param(signal.SIGINT, 5, marks=pytest.mark.long),
        pytest.param(signal.SIGTERM, 1, marks=pytest.mark.long),
        pytest.param(signal.SIGKILL, 2, marks=pytest.mark.long),
    ],
)
def test_an_end_by_signal_at_any_moment_loses_nothing_finished(
    workplace: Workplace, number: signal.Signals, moment: int
) -> None:
    workplace.study({"value": [1, 2, 3, 4, 5, 6]})
    workplace.edit(
        "toy/application.yaml", "seconds: {type: number, default: 0,", "seconds: {type: number, default: 0.3,"
    )
    process = workplace.start(*RECORDS_ONLY)
    wait_until(lambda: sum(workplace.starts().values()) >= moment, f"{moment} programs were started")
    os.killpg(process.pid, number)  # a terminal signals the whole group
    output, _ = process.communicate(timeout=60)
    assert process.returncode != 0, output
    time.sleep(0.5)
    finished = workplace.recorded()
    workplace.forget_starts()
    workplace.run(*RECORDS_ONLY)
    assert len(workplace.recorded()) == 6
    assert not finished & set(workplace.experiments_started())
    assert set(workplace.experiments_started().values()) <= {1}
    assert not workplace.half_written()


def test_a_second_run_of_the_study_is_refused_and_the_first_goes_on(running: Workplace) -> None:
    process = running.start(*RECORDS_ONLY)
    wait_until(lambda: _two_run(running), "two experiments run")
    output = running.run(*RECORDS_ONLY, status=1)
    assert f"study sweep is being run by process {process.pid} on " in output
    advice = (
        "`fairmesh status sweep` shows it, `fairmesh cancel --all --study sweep` stops it, "
        "and `fairmesh run sweep --wait` waits for its end"
    )
    assert output.rstrip().endswith(f"; {advice}")
    assert "unlock" not in output
    assert "Traceback" not in output
    running.run("-n")
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert running.experiments_started() == {f"value={value}": 1 for value in (1, 2, 3, 4)}


def test_a_failed_forced_run_is_not_hidden_by_the_old_result(workplace: Workplace) -> None:
    workplace.study({"value": [1]})
    workplace.run(*RECORDS_ONLY)
    workplace.edit("toy/toy.py", 'if behaviour == "exit":', "if True:")
    workplace.run(*RECORDS_ONLY, "--forcerun", "experiment", status=1)
    workplace.run(*RECORDS_ONLY, status=1)
    assert workplace.starts()["value=1"] == 3
    workplace.edit("toy/toy.py", "if True:", 'if behaviour == "exit":')
    workplace.run(*RECORDS_ONLY)
    assert workplace.record("value=1")["attempt"] == 4
