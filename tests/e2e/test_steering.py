"""Watching and steering runs: what the command line says and does, while experiments run on this computer."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fairmesh.runner import owner
from tests.e2e.workplace import RECORDS_ONLY, Workplace
from tests.waiting import wait_until

pytestmark = pytest.mark.e2e
QUICK_RETRY = tuple(f"--snakemake={option}" for option in RECORDS_ONLY)


def status(workplace: Workplace, *study: str) -> dict[str, Any]:
    """Return how the study stands, as the command line says it."""
    found: dict[str, Any] = json.loads(workplace.fairmesh("status", *study, "--json"))
    return found


def states(workplace: Workplace, *study: str) -> dict[str, str]:
    """Return the state of each experiment by its id."""
    return {experiment["id"]: experiment["state"] for experiment in status(workplace, *study)["experiments"]}


@pytest.fixture
def slow(workplace: Workplace) -> Workplace:
    """Return a workplace whose study has four experiments of some seconds, two at a time."""
    workplace.study({"value": [1, 2, 3, 4]})
    workplace.edit("toy/application.yaml", "default: 0, minimum", "default: 4, minimum")
    return workplace


def start(workplace: Workplace) -> subprocess.Popen[str]:
    """Start a run, and wait until two experiments run."""
    process = workplace.start(*RECORDS_ONLY, "--cores", "2", "--quiet")
    running = workplace.results.glob
    pattern = "sweep/experiments/local/*/attempts/1/process.json"
    wait_until(lambda: len(list(running(pattern))) == 2, "two experiments run")
    return process


def test_a_run_is_watched_to_its_end(slow: Workplace) -> None:
    process = start(slow)
    found = status(slow)
    assert found["run"]["alive"]
    assert (found["counts"]["running"], found["counts"]["waiting"]) == (2, 2)
    assert {stage["state"] for stage in found["stages"]} == {"done"}
    watched = slow.fairmesh("status", "--watch")
    assert process.wait(60) == 0
    assert re.search(r"^\d\d:\d\d:\d\d +\d+%  2 waiting, 2 running", watched, re.MULTILINE)
    assert re.search(r"about \d+ s left", watched)
    assert "100%" in watched
    assert "4 done\n" in watched
    assert "\x1b" not in watched, "no colour in a pipe"
    for experiment in status(slow)["experiments"]:
        assert experiment["seconds"]["running"] >= 4
        assert (experiment["host"], experiment["attempt"], experiment["run"]) == (
            owner.current_process()["host"],
            1,
            found["run"]["uuid"],
        )


def test_one_that_runs_and_one_that_waits_are_cancelled_and_retried(slow: Workplace) -> None:
    process = start(slow)
    before = states(slow)
    running, waiting = (
        next(name for name, state in before.items() if state == word) for word in ("running", "waiting")
    )
    said = slow.fairmesh("cancel", running, waiting)
    assert f"{running}: running, cancelled" in said
    slow.fairmesh("cancel", running)
    program = json.loads((slow.job(running) / "attempts/1/process.json").read_text())
    wait_until(lambda: owner.is_alive(program) is False, "its program is gone")
    slow.fairmesh("status", "--watch", status=1)
    assert process.wait(60) == 1
    found = {experiment["id"]: experiment for experiment in status(slow)["experiments"]}
    assert {name for name, experiment in found.items() if experiment["state"] == "cancelled"} == {running, waiting}
    for identity in (running, waiting):
        assert re.fullmatch(r"cancelled by \S+@\S+ at 20\d\d-\S+Z", found[identity]["reason"])
    assert waiting not in slow.experiments_started(), "its turn came, and its program did not start"
    assert len(slow.recorded()) == 2

    slow.forget_starts()
    slow.edit("toy/toy.py", '"saves"} else float(seconds)', '"saves"} else 0')
    said = slow.fairmesh("retry", waiting, *QUICK_RETRY)
    assert f"{waiting}: was cancelled, cancelled by " in said
    assert slow.experiments_started() == {waiting: 1}, "it alone"
    assert states(slow)[running] == "cancelled"
    slow.fairmesh("retry", *QUICK_RETRY)
    assert set(states(slow).values()) == {"done"}
    assert slow.fairmesh("retry") == "nothing to retry\n"
    assert slow.experiments_started() == {waiting: 1, running: 1}


@pytest.mark.long
def test_a_whole_run_is_cancelled_and_the_same_command_goes_on(slow: Workplace) -> None:
    process = start(slow)
    slow.fairmesh("cancel", "--all")
    assert process.wait(60) == 1
    assert sum(slow.experiments_started().values()) == 2
    assert set(states(slow).values()) == {"cancelled"}
    assert slow.fairmesh("cancel", "--all") == "no run in progress\n"
    slow.edit("toy/application.yaml", "default: 4, minimum", "default: 0, minimum")
    slow.run(*RECORDS_ONLY)
    assert set(states(slow).values()) == {"done"}


def check_events(workplace: Workplace) -> None:
    """Compare the events of the only run with what happened, also under --quiet."""
    (log,) = workplace.results.glob("sweep/runs/*/events.jsonl")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert {(event["event"], event["id"]) for event in events if event["rule"] == "experiment"} == {
        ("submitted", "behaviour=exit"),
        ("submitted", "behaviour=good"),
        ("failed", "behaviour=exit"),
        ("finished", "behaviour=good"),
    }
    about = json.loads(Path(log.parent, "run.json").read_text())
    assert (about["profile"], about["executor_run"], about["exit_code"]) == ("profiles/local", "", 1)


def test_a_failure_is_told_with_the_last_words_of_its_log(workplace: Workplace) -> None:
    workplace.study({"behaviour": ["exit", "good"]})
    escape = 'print("toy: \\x1b[31msomething\\x1b[0m went \\x1b]0;title\\x07wrong", flush=True)'
    workplace.edit("toy/toy.py", 'print("toy: something went wrong", flush=True)', escape)
    workplace.run(*RECORDS_ONLY, "--quiet", "all", status=1)
    check_events(workplace)
    said = workplace.fairmesh("status").splitlines()
    assert "1 done, 1 failed" in said
    at = said.index("failed: behaviour=exit: exit code 3")
    assert said[at + 2] == "    toy: something went wrong"
    ending = "toy: something went wrong\n==> behaviour=exit: exit code 3 <==\n"  # the reason goes to standard error
    assert workplace.fairmesh("logs").endswith(ending)
    assert workplace.fairmesh("logs", "behaviour=exit", "--lines", "1") == ending
    assert workplace.fairmesh("logs", "behaviour=exit", "--attempt", "1", "--follow").endswith(("went wrong\n", ending))
    said = workplace.fairmesh("logs", "behaviour=exit", "--attempt", "2", status=2)
    assert said == "attempt: behaviour=exit has no attempt 2 (allowed: 1 to 1)\n"


def test_a_start_by_hand_is_seen_and_cancelled(workplace: Workplace) -> None:
    workplace.study({"behaviour": ["hang"]})
    workplace.fairmesh("render", "study.yaml", "--out", "out")
    (folder,) = (workplace.folder / "out/sweep/experiments/local").iterdir()
    stages = (workplace.folder / "out/stages/toy").iterdir()
    for stage in stages:
        subprocess.run(["bash", str(stage / "job.sh")], check=True)
    by_hand = subprocess.Popen(["bash", str(folder / "job.sh")], stderr=subprocess.PIPE)
    wait_until((folder / "attempts/1/process.json").exists, "it runs")
    assert states(workplace, "out/sweep") == {"behaviour=hang": "running"}
    said = workplace.fairmesh("cancel", "behaviour=hang", "--study", "out/sweep")
    assert said == "behaviour=hang: running, cancelled\n"
    workplace.fairmesh("status", "./out", "--watch", status=1)
    assert by_hand.wait(30) == 1
    by_hand.communicate()
    assert states(workplace, "out/sweep") == {"behaviour=hang": "cancelled"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["status"], "results has no results of study 'sweep'; a run makes them"),
        (["status", "other"], "results has no results of study 'other'; a run makes them"),
        (["status", "config"], "results has no results of study 'config'; a run makes them"),
        (["status", "./config"], "./config: there are no results in this folder; a run of a study makes them"),
        (["status", "nowhere.yaml"], "there is no file 'nowhere.yaml'"),
        (["cancel"], "name experiments by NAME, --where or --state, or the whole run by --all"),
        (["logs", "--study", "--help-me"], "expected one argument"),
    ],
)
def test_what_cannot_be_meant_is_one_clear_line(workplace: Workplace, arguments: list[str], message: str) -> None:
    workplace.study({"value": [1]})
    assert message in workplace.fairmesh(*arguments, status=2)
