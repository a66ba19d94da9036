"""The events of a run: written wherever the folder is, and never the end of it."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from fairmesh.runner.protocol import EXECUTOR_EVENTS
from snakemake_logger_plugin_fairmesh import LogHandler, writer
from tests.waiting import wait_until

REFUSED = """SLURM sbatch failed. The error message was 'sbatch: error: AssocMaxSubmitJobLimit
sbatch: error: Batch job submission failed: Job violates accounting/QOS policy'.
    sbatch call:
        sbatch --parsable --wrap="/usr/bin/python -m snakemake"
For further error details see the cluster/cloud log and the log files of the involved rule(s)."""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a run's folder, which is not there yet."""
    monkeypatch.setattr(writer, "PAUSE", 0.05)
    return tmp_path / "run"


@pytest.fixture
def handler(run: Path, monkeypatch: pytest.MonkeyPatch) -> LogHandler:
    """Return the plugin, which knows the run's folder."""
    made = LogHandler(OutputSettings(), LogHandlerSettingsBase())
    monkeypatch.setenv("FAIRMESH_RUN_FOLDER", str(run))
    return made


def tell(handler: LogHandler, text: str = "", **fields: Any) -> None:
    """Return the plugin a record as Snakemake's listener does."""
    record = logging.makeLogRecord({"msg": text, "event": None, "levelno": logging.INFO, **fields})
    handler.handle(record)


def submit(handler: LogHandler, number: int) -> None:
    """Log that a job is handed to the executor."""
    wildcards = {"machine": "slurm", "experiment": f"x={number}"}
    tell(handler, event=LogEvent.JOB_INFO, jobid=number, rule_name="experiment", wildcards=wildcards, reason="")


def events(run: Path) -> list[dict[str, Any]]:
    """Read what is written."""
    path = run / "events.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines() if line] if path.exists() else []


def test_what_cannot_be_written_is_said_once_and_written_as_soon_as_it_can(
    handler: LogHandler, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    submit(handler, 1)
    submit(handler, 2)
    assert capsys.readouterr().err.count("warning: ") == 1
    run.mkdir()
    wait_until(lambda: len(events(run)) == 2, "the events are written without a further one")
    submit(handler, 3)
    handler.close()
    assert [event["id"] for event in events(run)] == ["x=1", "x=2", "x=3"]


def test_a_disk_that_takes_a_part_loses_and_doubles_nothing(
    handler: LogHandler, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run.mkdir()
    write, sizes = writer.os.write, [700, 0, 90]

    def write_part(descriptor: int, data: bytes) -> int:
        size = sizes.pop(0) if sizes else len(data)
        if not size:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:size])

    monkeypatch.setattr(writer.os, "write", write_part)
    monkeypatch.setattr(writer, "PAUSE", 60.0)
    for number in range(9):
        submit(handler, number)
    handler.close()
    lines = (run / "events.jsonl").read_text().splitlines()
    whole = [line for line in lines if line.endswith("}")]
    assert [json.loads(line)["id"] for line in whole] == [f"x={number}" for number in range(9)]


def test_what_waits_is_bounded(handler: LogHandler, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler._file._lines, "_lines", type(handler._file._lines._lines)(maxlen=3))
    for number in range(9):
        submit(handler, number)
    run.mkdir()
    handler.close()
    assert [event["id"] for event in events(run)] == ["x=6", "x=7", "x=8"]


def test_whatever_a_record_is_nothing_is_raised(handler: LogHandler, run: Path) -> None:
    run.mkdir()
    tell(handler, event=LogEvent.JOB_INFO)
    tell(handler, event=LogEvent.JOB_ERROR, jobid=1, rule_msg=7)
    tell(handler, text="%s %s", args=("one",))
    submit(handler, 2)
    assert events(run)[-1]["id"] == "x=2"


@pytest.mark.parametrize(
    ("record", "event", "reason"),
    [
        (
            {"event": LogEvent.JOB_ERROR, "jobid": 1, "rule_msg": REFUSED},
            "failed",
            "Slurm does not take the job: AssocMaxSubmitJobLimit; Job violates accounting/QOS policy",
        ),
        (
            {"event": LogEvent.ERROR, "text": "Job 1 completed successfully, but some output files are missing. x"},
            "failed",
            "its job ended well, and no record of it can be seen here; rule.log in its folder may say why",
        ),
        ({"text": "Job 1 has been submitted with SLURM jobid 77 (log: x)."}, "queued", ""),
        ({EXECUTOR_EVENTS: [{"event": "queued", "id": "x=1", "reason": ""}]}, "queued", ""),
    ],
)
def test_what_became_of_a_job_is_told(
    handler: LogHandler, run: Path, record: dict[str, Any], event: str, reason: str
) -> None:
    run.mkdir()
    submit(handler, 1)
    tell(handler, **record)
    last = events(run)[-1]
    assert (last["id"], last["event"], last["reason"]) == ("x=1", event, reason)
