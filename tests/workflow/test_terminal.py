"""What the terminal shows of a run, from the log records of Snakemake."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from snakemake.settings.enums import Quietness
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent

from fairmesh.runner.protocol import ANNOUNCEMENT
from snakemake_logger_plugin_fairmesh import LogHandler, terminal
from tests.screen import rendered
from tests.waiting import wait_until

Tell = Callable[..., None]


class Run:
    """A run that tells the plugin what Snakemake would."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.handler = LogHandler(OutputSettings(**settings), None)

    def log(self, text: str = "", level: int = logging.INFO, **fields: Any) -> None:
        self.handler.handle(logging.makeLogRecord({"msg": text, "event": None, "levelno": level, **fields}))

    def plan(self, count: int = 3, **more: Any) -> None:
        names = {("local", f"x={number}"): f"x={number}" for number in range(count)}
        about = {"names": names, "count": count, "width": 5, "metric": {"name": "score", "unit": "MB/s"}}
        self.log(**{ANNOUNCEMENT: {"kind": "plan", "nothing": "all 3 have results", **about, **more}})

    def begin(self, count: int = 3) -> None:
        self.plan(count)
        self.log("SNAKEMAKE", event=LogEvent.WORKFLOW_STARTED)
        start = {"kind": "start", "to_run": count, "are_submitted": False}
        self.log("first: A title\n3 of 3 experiments\nresults: here", **{ANNOUNCEMENT: start})

    def submit(self, number: int, rule: str = "experiment") -> None:
        self.handler.handle(
            logging.makeLogRecord(
                {
                    "event": LogEvent.JOB_INFO,
                    "levelno": logging.INFO,
                    "msg": f"rule {rule}",
                    "jobid": number,
                    "rule_name": rule,
                    "wildcards": {"machine": "local", "experiment": f"x={number}"} if rule == "experiment" else {},
                    "output": [str(self.folder / f"{number}.json")],
                    "log": [str(self.folder / f"{number}/rule.log")],
                    "resources": {"folder": str(self.folder / str(number))} if rule == "experiment" else {},
                    "reason": "Missing output files",
                }
            )
        )

    def finish(self, number: int) -> None:
        record = {"seconds": 0.18, "metrics": {"score": 12.345}}
        (self.folder / f"{number}.json").write_text(json.dumps(record))
        self.log(event=LogEvent.JOB_FINISHED, job_id=number)

    def fail(self, number: int, state: str = "failed") -> None:
        attempt = self.folder / f"{number}/attempts/1"
        attempt.mkdir(parents=True)
        (attempt / "status.json").write_text(json.dumps({"state": state, "reason": "exit code 3"}))
        (attempt / "job.log").write_text("one\ntwo\n\x1b[31mbroken\x1b[0m\n")
        self.log("Error in rule", logging.ERROR, event=LogEvent.JOB_ERROR, jobid=number, rule_msg=None)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.delenv("FAIRMESH_RUN", raising=False)
    return Run(tmp_path)


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_each_experiment_has_a_line_in_a_pipe(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.begin()
    run.submit(1)
    run.submit(2)
    run.finish(1)
    run.fail(2)
    log = run.folder / "2/attempts/1/job.log"
    assert printed(capsys) == [
        "first: A title",
        "3 of 3 experiments",
        "results: here",
        "[1/3] x=1       0.18 s   score 12.35 MB/s   1 running, about 1 s left",
        "[2/3] x=2   failed: exit code 3",
        "    one",
        "    two",
        "    broken",
        f"    log: {log}",
    ]


def test_a_retried_experiment_counts_once(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.begin()
    run.submit(1)
    run.fail(1)
    run.submit(1)
    run.finish(1)
    assert [line[:5] for line in printed(capsys) if line.startswith("[")] == ["[1/3]", "[1/3]"]


def test_jobs_that_an_interruption_ends_have_no_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.begin()
    run.submit(1)
    run.log(**{ANNOUNCEMENT: {"kind": "stopping"}})
    run.fail(1, "cancelled")
    assert len(printed(capsys)) == 3


def test_many_experiments_have_a_line_a_second(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "MANY", 2)
    monkeypatch.setattr(terminal.time, "monotonic", lambda: 100.0)
    run.begin()
    for number in range(3):
        run.submit(number)
        run.finish(number)
    assert len(printed(capsys)) == 3


@pytest.mark.parametrize("quiet", [{Quietness.ALL}, {Quietness.PROGRESS, Quietness.RULES}])
def test_quiet_leaves_failures_and_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet: set[Quietness]
) -> None:
    run = Run(tmp_path, quiet=quiet)
    run.begin()
    run.submit(1)
    run.finish(1)
    run.submit(2)
    run.fail(2)
    run.log("first: 1 of 3 done", **{ANNOUNCEMENT: {"kind": "end"}})
    lines = printed(capsys)
    assert (lines[0], lines[-1]) == ("[2/3] x=2   failed: exit code 3", "first: 1 of 3 done")
    assert not run.handler.common_settings.quiet, "Snakemake's log is complete"


def test_errors_of_snakemake_are_printed_once_and_in_one_piece(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.begin()
    printed(capsys)
    for _ in range(2):
        run.log("MissingInputException in rule all:\nMissing input files:\n  x", logging.ERROR, event=LogEvent.ERROR)
    run.log("Exiting because a job execution failed. Look above for error messages", logging.ERROR)
    run.log("WorkflowError:\nAt least one job did not complete successfully.", logging.ERROR, event=LogEvent.ERROR)
    run.log("the disk is full", logging.WARNING)
    assert printed(capsys) == [
        "error: MissingInputException in rule all: Missing input files:",
        "  x",
        "warning: the disk is full",
    ]


def test_a_rule_without_a_folder_fails_with_the_end_of_its_log(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.begin()
    printed(capsys)
    run.submit(7, "publish")
    (run.folder / "7").mkdir()
    (run.folder / "7/rule.log").write_text("no space left\n")
    run.log(level=logging.ERROR, event=LogEvent.JOB_ERROR, jobid=7, rule_msg=None)
    assert printed(capsys) == [
        "publish   failed: its log says why",
        "    no space left",
        f"    log: {run.folder / '7/rule.log'}",
    ]


def test_a_job_that_another_machine_refuses_says_why(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.begin()
    printed(capsys)
    run.submit(1)
    (run.folder / "1").mkdir()
    (run.folder / "1/rule.log").write_text("fairmesh: dgx: no space left\n    more\n")
    run.log(level=logging.ERROR, event=LogEvent.JOB_ERROR, jobid=1, rule_msg=None)
    assert printed(capsys)[0] == "[1/3] x=1   failed: dgx: no space left"


def test_what_the_dispatcher_announces_is_printed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.begin()
    printed(capsys)
    run.log("dgx: no answer; tried again", **{ANNOUNCEMENT: {"kind": "machine"}})
    assert printed(capsys) == ["dgx: no answer; tried again"]


def test_nothing_to_do_is_one_sentence(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.plan()
    run.log("SNAKEMAKE", event=LogEvent.WORKFLOW_STARTED)
    run.log("Building DAG of jobs...")
    run.log(terminal.NOTHING)
    run.handler.close()
    assert printed(capsys) == ["all 3 have results"]


def test_a_command_that_runs_nothing_prints_what_snakemake_says(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run.plan()
    run.log("Unlocked working directory.")
    run.handler.close()
    assert printed(capsys) == ["Unlocked working directory."]


def test_a_dry_run_lists_what_would_run_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(tmp_path, dryrun=True)
    run.plan(why={("local", "x=1"): "changed: y 1 → 2"})
    run.log("SNAKEMAKE", event=LogEvent.WORKFLOW_STARTED)
    run.log(event=LogEvent.RUN_INFO, stats={"experiment": 2, "total": 2})
    run.submit(2)
    run.submit(1)
    run.handler.close()
    run.handler.close()
    assert printed(capsys) == [
        "x=1   changed: y 1 → 2",
        "x=2   Missing output files",
        "2 of 3 experiments would run (dry run)",
    ]


@pytest.mark.parametrize("option", ["verbose", "printshellcmds", "debug_dag"])
def test_verbose_leaves_errors_and_announcements_to_snakemake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    run = Run(tmp_path, **{option: True})
    assert not run.handler.writes_to_stream
    run.begin()
    run.log("an error", logging.ERROR)
    run.submit(1)
    run.finish(1)
    (line,) = printed(capsys)
    assert line.startswith("[1/3] x=1")


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(text: str) -> list[str]:
    """Return what a terminal shows of a text; its driver adds the carriage returns."""
    return rendered(text.replace("\n", "\r\n").encode())


@pytest.mark.parametrize(
    ("variables", "settings", "has_bar", "has_color"),
    [
        ({"TERM": "xterm"}, {}, True, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, {}, True, False),
        ({"TERM": "xterm"}, {"nocolor": True}, True, False),
        ({"TERM": "dumb"}, {}, False, False),
    ],
)
def test_a_terminal_has_a_bar_below_the_lines(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    settings: dict[str, Any],
    has_bar: bool,
    has_color: bool,
) -> None:
    for name, value in {"COLUMNS": "60", **variables}.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    run = Run(tmp_path, **settings)
    run.begin()
    run.submit(1)
    run.submit(2)
    run.finish(1)
    run.fail(2)
    if has_bar:
        wait_until(lambda: "2/3" in shown(stream.getvalue())[-1], "the bar is up to date")
    assert ("\x1b[31m" in stream.getvalue()) == has_color
    run.handler.close()
    lines = [line for line in shown(stream.getvalue()) if line]
    assert lines[-1] == f"    log: {run.folder / '2/attempts/1/job.log'}", "the bar is removed"
    (line,) = (line for line in lines if line.startswith("[1/3]"))
    assert (len(line) <= 60) == has_bar


def test_an_experiment_that_waits_for_the_machine_does_not_count_as_running(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    run.begin()
    for number in (1, 2, 3):
        run.submit(number)
    attempt = run.folder / "2/attempts/1"
    attempt.mkdir(parents=True)
    (attempt / "status.json").write_text(json.dumps({"state": "queued", "message": "waits for the machine"}))
    run.finish(1)
    assert "1 running, 1 waiting" in printed(capsys)[-1]
