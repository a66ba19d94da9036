"""Translate Snakemake's log records to the events of a run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from logging import LogRecord
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from fairmesh.runner.protocol import EXECUTOR_EVENTS, EXECUTOR_RUN
from fairmesh.schedulers.slurm import plain_words

Event = dict[str, Any]

EXPERIMENT_RULES = ("experiment", "experiment_local", "dispatch", "collect")
STAGE_RULES = ("stage", "stage_local", "dispatch_stage", "collect_stage")

_MORE = "For further error details see the cluster/cloud log and the log files of the involved rule(s)."
_RUN_ID = re.compile(r"SLURM run ID: (\S+)")
_JOB = re.compile(r"Job (\d+) has been submitted with SLURM jobid (\d+)")
_REFUSED = re.compile(r"SLURM sbatch failed\. The error message was '(.*?)'\.\n", re.DOTALL)
_MISSING = re.compile(r"Job (\d*) ?completed successfully, but some output files are missing")
_NO_RECORD = "its job ended well, and no record of it can be seen here; rule.log in its folder may say why"
_ARRAY = re.compile(r"Submitted array job with Snakemake IDs ([\d,]+) and SLURM job ID (\d+)\..* are (\d+)-")


class EventReader:
    """Reads the events in log records; rule and wildcards are in the first record of a job only.

    ``job`` is Snakemake's number of a job, ``job_id`` the scheduler's, which is read from the messages of executors.
    """

    def __init__(self) -> None:
        self._jobs: dict[int, Event] = {}

    def events(self, record: LogRecord) -> Iterator[Event]:
        """Yield the events of a record."""
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


def _why_failed(text: str) -> str:
    """Return why a job failed, in one line; of a refused job, the scheduler's message without the command."""
    refused = _REFUSED.match(text)
    if refused:
        return f"Slurm does not take the job: {plain_words(refused[1])}"
    return " ".join(text.removesuffix(_MORE).split())
