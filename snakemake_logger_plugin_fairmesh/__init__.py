"""Write Snakemake's events as JSON lines beside the study's results: ``--logger fairmesh``.

Lines are written immediately, so that a crash loses no earlier events. While the folder is not writable they are kept:
no error of this plugin may end the run. ``job`` is Snakemake's number of a job, ``job_id`` the scheduler's, which is
read from the messages of executors.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from logging import LogRecord
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from fairmesh.runner import jsonfiles
from fairmesh.runner.protocol import EVENTS, EXECUTOR_EVENTS, EXECUTOR_RUN, RUN_FILE, RUN_FOLDER
from fairmesh.schedulers.slurm import plain_words
from snakemake_logger_plugin_fairmesh.writer import LineWriter

Event = dict[str, Any]

_MORE = "For further error details see the cluster/cloud log and the log files of the involved rule(s)."
_RUN_ID = re.compile(r"SLURM run ID: (\S+)")
_JOB = re.compile(r"Job (\d+) has been submitted with SLURM jobid (\d+)")
_REFUSED = re.compile(r"SLURM sbatch failed\. The error message was '(.*?)'\.\n", re.DOTALL)
_MISSING = re.compile(r"Job (\d*) ?completed successfully, but some output files are missing")
_NO_RECORD = "its job ended well, and no record of it can be seen here; rule.log in its folder may say why"
_ARRAY = re.compile(r"Submitted array job with Snakemake IDs ([\d,]+) and SLURM job ID (\d+)\..* are (\d+)-")


class LogHandler(LogHandlerBase):  # type: ignore[misc]
    """Writes the events of each job; lines are kept until the folder of the run is known."""

    def __post_init__(self) -> None:
        self._jobs: dict[int, Event] = {}
        self._warned: set[str] = set()
        self._lines = LineWriter(self.lock, lambda text: self._warn_once("file", text))
        self._is_named = False
        for name in (RUN_FOLDER, EXECUTOR_RUN):  # of an outer run
            os.environ.pop(name, None)

    @property
    def writes_to_stream(self) -> bool:
        """Whether the handler prints to a terminal."""
        return False

    @property
    def writes_to_file(self) -> bool:
        """Whether Snakemake should show its log file; the events are for programs."""
        return False

    @property
    def has_filter(self) -> bool:
        """Whether the handler filters records itself, independently of --quiet."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Whether the handler formats records itself."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """Whether the handler needs the graph of rules."""
        return False

    def emit(self, record: LogRecord) -> None:
        """Write the events of a log record of Snakemake."""
        try:
            for event in self._events(record):
                line = {"time": jsonfiles.now(), **event}
                self._lines.add((json.dumps(line, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace"))
            self._write()
        except Exception as error:  # noqa: BLE001  an observer must not end the run
            self._warn_once("event", f"events of this run are missing: {error!r}")

    def close(self) -> None:
        """Write the remaining lines and close the file."""
        with self.lock:
            self._lines.close()
        super().close()

    def _warn_once(self, about: str, text: str) -> None:
        if about not in self._warned:
            self._warned.add(about)
            with contextlib.suppress(OSError, ValueError):  # standard error may be closed
                print(f"warning: {text}", file=sys.stderr, flush=True)

    def _events(self, record: LogRecord) -> Iterator[Event]:
        """Yield the events of a record; rule and wildcards are in the first record of a job only."""
        event = getattr(record, "event", None)
        fields = vars(record)
        if event == LogEvent.JOB_INFO:
            yield self._submitted(fields)
        elif event == LogEvent.JOB_FINISHED:
            yield self._event("finished", fields["job_id"])
        elif event == LogEvent.JOB_ERROR:
            self._learn(fields["jobid"], (fields.get("aux") or {}).get("external_jobid"))
            yield self._event("failed", fields["jobid"], _why_failed(str(fields.get("rule_msg") or "")))
        elif event == LogEvent.ERROR:
            yield from self._without_record(record.getMessage())
        elif event is None:
            yield from fields.get(EXECUTOR_EVENTS) or self._from_words(record.getMessage())

    def _submitted(self, fields: Mapping[str, Any]) -> Event:
        wildcards = fields.get("wildcards") or {}
        self._jobs[fields["jobid"]] = {
            "rule": fields["rule_name"],
            "machine": wildcards.get("machine", ""),
            "id": wildcards.get("experiment", wildcards.get("stage", "")),
            "job": fields["jobid"],
            "job_id": "",
        }
        return self._event("submitted", fields["jobid"], str(fields.get("reason") or ""))

    def _from_words(self, text: str) -> Iterator[Event]:
        """Yield the events in a message of the executor for Slurm: the name of its run, and the numbers of its jobs."""
        run, job, array = _RUN_ID.match(text), _JOB.match(text), _ARRAY.match(text)
        if run:
            os.environ[EXECUTOR_RUN] = run[1]
            yield {"event": "executor", "reason": run[1]}
        elif job:
            yield self._queued(int(job[1]), job[2])
        elif array:
            for task, number in enumerate(array[1].split(","), int(array[3])):
                yield self._queued(int(number), f"{array[2]}_{task}")

    def _without_record(self, text: str) -> Iterator[Event]:
        """Yield the failure of a job that succeeded without writing its output; Snakemake omits the job number 0."""
        missing = _MISSING.search(text)
        if missing:
            yield self._event("failed", int(missing[1] or 0), _NO_RECORD)

    def _queued(self, number: int, job_id: str) -> Event:
        self._learn(number, job_id)
        return self._event("queued", number)

    def _learn(self, number: int, job_id: str | None) -> None:
        if job_id and number in self._jobs:
            self._jobs[number]["job_id"] = str(job_id)

    def _event(self, name: str, number: int, reason: str = "") -> Event:
        unknown = {"rule": "", "machine": "", "id": "", "job": number, "job_id": ""}
        return {"event": name, **self._jobs.get(number, unknown), "reason": reason}

    def _write(self) -> None:
        if RUN_FOLDER in os.environ:
            folder = os.environ[RUN_FOLDER]
            self._lines.path = os.path.join(folder, EVENTS)  # noqa: PTH118  start-up time of every run
            if not self._is_named:
                with contextlib.suppress(OSError):  # retried with the next record
                    self._is_named = _name_run(os.path.join(folder, RUN_FILE))  # noqa: PTH118  as above
        self._lines.write()


def _why_failed(text: str) -> str:
    """Return why a job failed, in one line; of a refused job, the scheduler's message without the command."""
    refused = _REFUSED.match(text)
    if refused:
        return f"Slurm does not take the job: {plain_words(refused[1])}"
    return " ".join(text.removesuffix(_MORE).split())


def _name_run(path: str) -> bool:
    """Write the scheduler's name of this run to run.json, so that its jobs are found after a crash.

    Log records come through a queue: run.json may have been written before the name was known.

    Returns
    -------
    bool
        Whether run.json exists, so that nothing is left to do.
    """
    about = jsonfiles.read_map(path)
    name = os.environ.get(EXECUTOR_RUN, "")
    if about and name and about.get("executor_run") != name:
        jsonfiles.write(path, dict(about, executor_run=name))
    return bool(about)
