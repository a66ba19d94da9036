"""Why a run waits, in words."""

from __future__ import annotations

from typing import Any

import pytest

from fairmesh.status import JobStatus
from fairmesh.workflow import waiting
from fairmesh.workflow.waiting import WaitWatcher, reasons_of
from tests.status.conftest import Study, study

__all__ = ["study"]


def job(**values: Any) -> JobStatus:
    about = {"kind": "experiment", "machine": "slurm", "id": "x=1", "key": "0", "state": "queued"}
    return JobStatus(**{**about, "seconds": {"queued": 9.0}, **values})


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"job_id": "45", "reason": "job 45 waits: Priority"}, ": Priority"),
        (
            {"message": "waits for the machine, which experiments of other runs use"},
            " for the machine, which experiments of other runs use",
        ),
        ({"reason": "its runner has begun"}, None),
        ({"job_id": "45", "reason": "job 45 waits: Priority", "seconds": {"queued": 1.0}}, None),
        ({"job_id": "45", "reason": "job 45 waits: Priority", "state": "running"}, None),
    ],
)
def test_a_reason_is_the_same_for_all_jobs_that_have_it(values: dict[str, Any], text: str | None) -> None:
    assert {reason.text: count for reason, count in reasons_of([job(**values)] * 2).items()} == (
        {text: 2} if text else {}
    )


def test_a_reason_is_announced_once_while_nothing_ends(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PATIENCE", 0.0)
    monkeypatch.setattr(waiting, "reasons_of", lambda jobs: {waiting.Reason("experiment", ": Priority"): len(jobs)})
    study.add(epochs=1)
    study.add(epochs=2)
    watcher = WaitWatcher(study.paths)
    assert [watcher.look() for _ in range(3)] == [[], ["2 experiments waiting: Priority"], []]
