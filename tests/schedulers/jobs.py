"""Jobs as Slurm describes them, for tests of what is made of that."""

from __future__ import annotations

from typing import Any

from fairmesh.schedulers import JobInfo, JobState, find_scheduler


def slurm_job(number: str, word: str, **changes: Any) -> JobInfo:
    """Return a job in a state that Slurm has a word for."""
    state = find_scheduler("slurm").words.get(word, JobState.RUNNING)
    return JobInfo(number, changes.pop("name", ""), state, word, cluster=changes.pop("cluster", "c"), **changes)
