"""Snakemake's events as JSON lines: ``--logger fairmesh`` writes them beside the study's results.

The line is written by one call on a file opened for appending, so a crash loses nothing that happened before, and
readers never see half a line of another writer.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from logging import LogRecord
from typing import Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from fairmesh.runner.jsonfiles import now

FOLDER = "FAIRMESH_RUN_FOLDER"
FILE = "events.jsonl"
Event = dict[str, Any]


class LogHandler(LogHandlerBase):  # type: ignore[misc]
    """Writes what becomes of each job; before the workflow knows its run's folder, lines wait."""

    def __post_init__(self) -> None:
        self._jobs: dict[int, Event] = {}
        self._waiting: list[bytes] = []
        self._file: int | None = None
        self._failed = False

    @property
    def writes_to_stream(self) -> bool:
        """Whether it prints."""
        return False

    @property
    def writes_to_file(self) -> bool:
        """Whether Snakemake should show its log file; the events are for programs."""
        return False

    @property
    def has_filter(self) -> bool:
        """Whether it chooses its records itself, whatever --quiet says."""
        return True

    @property
    def has_formatter(self) -> bool:
        """Whether it writes records in a form of its own."""
        return True

    @property
    def needs_rulegraph(self) -> bool:
        """Whether it wants the graph of rules."""
        return False

    def emit(self, record: LogRecord) -> None:
        """Write the lines that a record of Snakemake's means."""
        try:
            for event in self._events(record):
                line = {"time": now(), **event}
                self._waiting.append((json.dumps(line, ensure_ascii=False) + "\n").encode())
            self._flush()
        except OSError as error:
            self._say_once(f"the events of this run are not written: {error.strerror}")

    def _say_once(self, text: str) -> None:
        if not self._failed:
            print(f"warning: {text}", file=sys.stderr)
        self._failed = True

    def _events(self, record: LogRecord) -> Iterator[Event]:
        """Turn a record into lines; of a job, Snakemake tells its rule and wildcards only once."""
        event = getattr(record, "event", None)
        fields = vars(record)
        if event == LogEvent.JOB_INFO:
            wildcards = fields.get("wildcards") or {}
            self._jobs[fields["jobid"]] = {
                "rule": fields["rule_name"],
                "machine": wildcards.get("machine", ""),
                "id": wildcards.get("experiment", wildcards.get("stage", "")),
                "job_id": fields["jobid"],
            }
            yield self._event("submitted", fields["jobid"], str(fields.get("reason") or ""))
        elif event == LogEvent.JOB_FINISHED:
            yield self._event("finished", fields["job_id"])
        elif event == LogEvent.JOB_ERROR:
            yield self._event("failed", fields["jobid"])

    def _event(self, name: str, number: int, reason: str = "") -> Event:
        job = self._jobs.get(number, {"rule": "", "machine": "", "id": "", "job_id": number})
        return {"event": name, **job, "reason": reason}

    def _flush(self) -> None:
        if self._file is None and FOLDER in os.environ:
            path = os.path.join(os.environ[FOLDER], FILE)  # noqa: PTH118  start-up time of every run
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        if self._file is not None:
            os.write(self._file, b"".join(self._waiting))
            self._waiting.clear()
