"""Where the log of a job is that a person wants to read."""

from __future__ import annotations

from pathlib import Path

from fairmesh.errors import InputError, Problem
from fairmesh.jobs.paths import JobPaths
from fairmesh.runner.protocol import LOG
from fairmesh.status.model import JobStatus


def log_path(job: JobStatus, attempt: int | None = None) -> Path:
    """Return the log of an attempt, by default the last; before there is one, what the rule wrote.

    Raises
    ------
    InputError
        If there was no such attempt.
    """
    paths = JobPaths(Path(job.folder))
    if attempt and not paths.attempt(attempt).is_dir():
        raise InputError([Problem(f"{job.name} has no attempt {attempt}", "attempt", f"1 to {job.attempt}")])
    number = attempt or job.attempt
    return paths.attempt(number) / LOG if number else paths.rule_log
