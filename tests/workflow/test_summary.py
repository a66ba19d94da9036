"""What a finish hook is told."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fairmesh.files import write_text
from fairmesh.workflow.summary import summarize
from tests.status.conftest import Study, study

__all__ = ["study"]
RUN: dict[str, Any] = {
    "uuid": "this-run",
    "profile": "profiles/local",
    "owner": {"host": "laptop"},
    "started": "2026-11-20T10:00:00.000Z",
}


@pytest.mark.parametrize(
    ("exit_code", "interrupted", "state"),
    [(0, False, "done"), (0, True, "done"), (1, False, "failed"), (1, True, "cancelled")],
)
def test_the_state_is_that_of_the_run(
    study: Study, tmp_path: Path, exit_code: int, interrupted: bool, state: str
) -> None:
    study.finish(study.add(epochs=1), {"accuracy": 0.5})
    told = summarize(study.paths, RUN, exit_code, interrupted, tmp_path)
    assert (told["state"], told["run"], told["host"]) == (state, "this-run", "laptop")
    began = datetime.fromisoformat(RUN["started"])
    assert told["seconds"] == pytest.approx((datetime.now(UTC) - began).total_seconds(), abs=60)


def test_the_best_and_the_failures_are_named(study: Study, tmp_path: Path) -> None:
    study.finish(study.add(epochs=1), {"accuracy": 0.5})
    study.finish(study.add(epochs=2), {"accuracy": {"value": 0.75, "low": 0.7, "high": 0.8}})
    failed = study.start(study.add(epochs=3), "failed", reason="exit code 3")
    write_text(failed / "job.log", "first\n\x1b[31mlast\x1b[0m\n")
    told = summarize(study.paths, RUN, 1, False, tmp_path)
    assert told["text"] == "quick: failed: 2 done, 1 failed; best Inference accuracy 0.75 with epochs=2"
    best = {name: told["best"][name] for name in ("id", "metric", "value", "low", "high", "better")}
    assert best == {"id": "epochs=2", "metric": "accuracy", "value": 0.75, "low": 0.7, "high": 0.8, "better": "higher"}
    (failure,) = told["failures"]
    assert (failure["id"], failure["reason"], failure["last_line"]) == ("epochs=3", "exit code 3", "last")
    assert (told["failed"], told["counts"]["done"], told["site"]) == (1, 2, "")
    json.dumps(told)


def test_without_a_result_there_is_no_best(study: Study, tmp_path: Path) -> None:
    study.start(study.add(epochs=3), "failed", reason="exit code 3")
    told = summarize(study.paths, RUN, 1, False, tmp_path)
    assert (told["best"], told["text"]) == (None, "quick: failed: 1 failed")


def test_many_failures_are_counted_and_the_first_named(study: Study, tmp_path: Path) -> None:
    for epochs in range(30):
        study.start(study.add(epochs=epochs), "failed")
    told = summarize(study.paths, RUN, 1, False, tmp_path)
    assert (told["failed"], len(told["failures"])) == (30, 20)
