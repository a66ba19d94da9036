"""The log of events: mlperf-logging's own parser reads it, in the order that its checker wants."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlperf_logging.compliance_checker import mlp_parser as parser
from mlperf_logging.mllog import mllog as mllog_package

from fairmesh.runner import mllog
from tests.runner.conftest import GOOD, MakeJob, read, run

SUBMISSION = {"benchmark": "toy", "org": "Example", "division": "open"}


def events(folder: Path, attempt: int = 1) -> list[Any]:
    """Parse the log of an attempt, every line of it."""
    path = folder / f"attempts/{attempt}/events.mllog"
    lines, errors = parser.parse_file(str(path), ruleset="3.0.0")
    assert errors == []
    assert len(lines) == len(path.read_text().splitlines())
    return list(lines)


def keys(folder: Path) -> list[str]:
    return [line.key for line in events(folder)]


def test_the_runners_events_wrap_those_of_the_program(make_job: MakeJob) -> None:
    event = ':::MLLOG {"time_ms": %d, "key": "loss", "value": 0.5, "metadata": {}}'
    code = f"import time; print({event!r} % (1000 * time.time())); {GOOD}"
    folder = make_job(code, submission=SUBMISSION, parameters={"x": 1, "seed": 7, "start": 2})
    content = read(folder / "experiment.json")
    content["application"]["seed"] = "start"
    (folder / "experiment.json").write_text(json.dumps(content))
    assert run(folder) == 0
    found = events(folder)
    assert [line.key for line in found] == [
        "submission_benchmark",
        "submission_org",
        "submission_division",
        "cache_clear",
        "init_start",
        "number_of_nodes",
        "accelerators_per_node",
        "seed",
        "x",
        "init_stop",
        "run_start",
        "loss",
        "run_stop",
        "result",
    ]
    values = {line.key: line.value["value"] for line in found}
    assert (values["submission_org"], values["seed"], values["x"], values["number_of_nodes"]) == ("Example", 2, 1, 1)
    assert values["result"] == {"score": 1.5}
    assert found[-2].value["metadata"]["status"] == "success"
    times = [line.timestamp for line in found]
    assert times == sorted(times)


def test_the_time_of_the_log_goes_on_when_somebody_sets_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    before = mllog.milliseconds()
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert 0 <= mllog.milliseconds() - before < 60_000


def test_the_duration_of_the_run_is_that_of_the_program(make_job: MakeJob) -> None:
    folder = make_job(f"import time; time.sleep(0.5); {GOOD}")
    assert run(folder) == 0
    times = {line.key: line.timestamp for line in events(folder)}
    seconds = read(folder / "commit.json")["seconds"]
    assert times["run_stop"] - times["run_start"] == pytest.approx(1000 * seconds, abs=150)


def test_the_lines_are_those_of_the_package(tmp_path: Path) -> None:
    logger = logging.getLogger("fairmesh-test")
    logger.setLevel(logging.INFO)
    logger.addHandler(logging.FileHandler(tmp_path / "log"))
    mllog_package.MLLogger(logger).event("loss", value={"a": [1, "ü"]}, metadata={"epoch_num": 3}, time_ms=12)
    (theirs,) = (tmp_path / "log").read_text().splitlines()
    metadata = json.loads(theirs.removeprefix(mllog.MARK))["metadata"]
    assert mllog.line("POINT_IN_TIME", "loss", {"a": [1, "ü"]}, metadata, 12) == theirs + "\n"


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "pass", "open('metrics.json', 'w').write('{\"a\": NaN}')"])
def test_a_run_that_fails_is_aborted_and_has_no_result(make_job: MakeJob, code: str) -> None:
    folder = make_job(code)
    assert run(folder) == 1
    assert events(folder)[-1].key == "run_stop"
    assert events(folder)[-1].value["metadata"]["status"] == "aborted"


def test_a_run_that_is_stopped_is_aborted(make_job: MakeJob) -> None:
    folder = make_job("open('begun', 'w'); import time; time.sleep(60)")

    def interrupt() -> None:
        while not (folder / "attempts/1/begun").exists():
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=interrupt).start()
    assert run(folder) == 1
    assert events(folder)[-1].value["metadata"]["status"] == "aborted"


def test_what_the_runner_writes_itself_is_not_taken_from_the_program(make_job: MakeJob) -> None:
    printed = [mllog.line("INTERVAL_START", key, None, {}).strip() for key in ("run_start", "submission_org", "mine")]
    folder = make_job(f"print({printed!r}, sep='\\n'); print(*{printed!r}, ':::MLLOG {{}}', sep='\\n'); {GOOD}")
    assert run(folder) == 0
    assert keys(folder).count("run_start") == 1
    assert keys(folder).count("mine") == 1
    assert "submission_org" not in keys(folder)


def test_a_line_that_the_program_left_half_written_does_not_swallow_the_next(make_job: MakeJob) -> None:
    folder = make_job(f"open('events.mllog', 'a').write('half'); {GOOD}")
    assert run(folder) == 0
    assert (folder / "attempts/1/events.mllog").read_text().count("\nhalf\n:::MLLOG ") == 1


def test_the_log_is_among_the_files_of_the_commit_as_it_stays(make_job: MakeJob) -> None:
    folder = make_job(keep=["nothing"])
    assert run(folder) == 0
    listed = {file["path"]: file["bytes"] for file in read(folder / "commit.json")["files"]}
    path = folder / "attempts/1/events.mllog"
    assert listed["attempts/1/events.mllog"] == path.stat().st_size


def test_a_stage_has_no_log(make_job: MakeJob) -> None:
    folder = make_job(stage="numbers")
    assert run(folder) == 0
    assert not (folder / "attempts/1/events.mllog").exists()


def test_a_program_that_cannot_be_started_leaves_a_whole_log(make_job: MakeJob) -> None:
    folder = make_job(command=["no-such-program"])
    assert run(folder) == 1
    assert keys(folder)[-2:] == ["run_start", "run_stop"]


@given(
    st.text() | st.sampled_from(["[" * 100_000, "9" * 10_000, '{"key": [], "time_ms": 1, "value": 1, "metadata": 1}'])
)
def test_no_text_of_a_program_breaks_the_log(text: str) -> None:
    assert mllog.of_program(mllog.MARK + text) == ""


@pytest.mark.parametrize(
    ("variable", "asked", "nodes"), [(None, {}, 1), (None, {"nodes": 4}, 4), ("8", {"nodes": 4}, 8)]
)
def test_the_number_of_nodes_is_the_schedulers_or_the_one_that_was_asked_for(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, variable: str | None, asked: dict[str, int], nodes: int
) -> None:
    monkeypatch.delenv("SLURM_JOB_NUM_NODES", raising=False)
    if variable:
        monkeypatch.setenv("SLURM_JOB_ID", "7")
        monkeypatch.setenv("SLURM_JOB_NUM_NODES", variable)
    folder = make_job(resources=asked)
    assert run(folder) == 0
    assert {line.key: line.value["value"] for line in events(folder)}["number_of_nodes"] == nodes
