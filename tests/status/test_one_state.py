"""One state and one reason of an experiment, whichever face shows it, also after the run has ended."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from fairmesh.cli import main
from fairmesh.results import load_study, table
from fairmesh.runner.status import request_cancel
from tests.status.conftest import GONE, Study

ENDED = "2026-11-20T11:00:00.000Z"
TIME = "2026-11-20T10:00:{:02d}.000Z"
Make = Callable[[Study, dict[str, Any]], None]


def event(point: dict[str, Any], name: str, second: int, reason: str = "") -> dict[str, Any]:
    own = {"machine": point["machine"], "id": point["id"], "job_id": "", "reason": reason}
    return {"time": TIME.format(second), "event": name, **own}


def cancelled_run(study: Study, point: dict[str, Any]) -> None:
    request_cancel(str(study.run(ended=ENDED, exit_code=1)), "ada@laptop")


def cancelled_before_start(study: Study, point: dict[str, Any]) -> None:
    study.run(ended=ENDED, exit_code=1)
    study.job(point).mkdir(parents=True)
    request_cancel(str(study.job(point)), "ada@laptop")


def refused(study: Study, point: dict[str, Any]) -> None:
    study.run(ended=ENDED, exit_code=1)
    reason = "Slurm does not take the job: QOSMaxSubmitJobPerUserLimit."
    study.tell(event(point, "submitted", 1), event(point, "failed", 2, reason))


def killed_by_scheduler(study: Study, point: dict[str, Any]) -> None:
    study.run(ended=ENDED, exit_code=1)
    study.tell(
        event(point, "submitted", 1), event(point, "failed", 2, "SLURM-job '7' failed, SLURM status is: 'TIMEOUT'.")
    )


def stage_failed(study: Study, point: dict[str, Any]) -> None:
    study.run(ended=ENDED, exit_code=1)
    attempt = study.results / "stages/cloudmask" / f"store-{'a' * 12}" / "attempts/1"
    attempt.mkdir(parents=True)
    (attempt / "status.json").write_text('{"state": "failed", "reason": "no space"}')
    point["stages"] = {"store": "a" * 64}
    study.write_plan()


def ended(state: str, reason: str) -> Make:
    def make(study: Study, point: dict[str, Any]) -> None:
        study.run(ended=ENDED, exit_code=1)
        study.start(point, state, reason=reason, run="this-run")
        study.tell(event(point, "submitted", 1), event(point, "failed", 2, "Missing output files"))

    return make


def lost(study: Study, point: dict[str, Any]) -> None:
    study.run(ended=ENDED, exit_code=1)
    study.start(point, "running", run="this-run")
    study.claim(point, start="1")


def silent(study: Study, point: dict[str, Any]) -> None:
    study.run(ended=ENDED, exit_code=1)
    study.start(point, "running", run="this-run")
    study.claim(point, **GONE)
    study.tell(event(point, "submitted", 1), event(point, "failed", 2))


def not_selected(study: Study, point: dict[str, Any]) -> None:
    study.run(ended=ENDED, exit_code=0)
    point["selected"] = False
    study.write_plan()


def retried(study: Study, point: dict[str, Any]) -> None:
    study.run()
    study.start(point, "failed", reason="exit code 3", run="before")
    study.tell(event(point, "submitted", 1))


def of_an_earlier_run(study: Study, point: dict[str, Any]) -> None:
    study.run(ended=ENDED, exit_code=0)
    study.start(point, "failed", reason="exit code 3", run="before")
    point["selected"] = False
    study.write_plan()


def broken_record(study: Study, point: dict[str, Any]) -> None:
    study.finish(point, {"accuracy": 0.9})
    (study.folder / "records/local" / f"{point['id']}.json").write_text("[" * 100_000)


def broken_status(study: Study, point: dict[str, Any]) -> None:
    (study.start(point, "failed") / "status.json").write_text("[" * 100_000)


def escape_codes(study: Study, point: dict[str, Any]) -> None:
    study.start(point, "failed", reason="\x1b]0;owned\x07no\nspace \x1b[31mleft\x9b1m")


def done(study: Study, point: dict[str, Any]) -> None:
    study.finish(point, {"accuracy": 0.9})


SITUATIONS: dict[str, tuple[Make, str, str]] = {
    "nothing happened": (lambda study, point: None, "waiting", ""),
    "Ctrl-C": (cancelled_run, "cancelled", r"cancelled by ada@laptop at \S+"),
    "cancelled before its start": (cancelled_before_start, "cancelled", r"cancelled by ada@laptop at \S+"),
    "refused by the scheduler": (refused, "failed", "Slurm does not take the job: QOSMaxSubmitJobPerUserLimit."),
    "ended by the scheduler": (killed_by_scheduler, "timeout", "the scheduler says TIMEOUT"),
    "its stage failed": (stage_failed, "waiting", "its stage store failed: no space"),
    "failed": (ended("failed", "exit code 3"), "failed", "exit code 3"),
    "timeout": (ended("timeout", "runtime of 1 min"), "timeout", "runtime of 1 min"),
    "cancelled while it ran": (ended("cancelled", "SIGTERM"), "cancelled", "SIGTERM"),
    "lost": (lost, "lost", "its runner was killed"),
    "silent": (silent, "lost", "no sign of life; `fairmesh retry` starts it again"),
    "not selected": (not_selected, "waiting", "not selected in the last run"),
    "retried by a run that goes on": (retried, "queued", ""),
    "failed in an earlier run": (of_an_earlier_run, "failed", "exit code 3"),
    "a record that cannot be read": (broken_record, "failed", "its record cannot be read: nested too deeply"),
    "a status that cannot be read": (broken_status, "failed", "its status cannot be read: nested too deeply"),
    "escape codes": (escape_codes, "failed", "no space left\N{REPLACEMENT CHARACTER}1m"),
    "done": (done, "done", ""),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_face_shows_one_state_and_one_reason(
    study: Study, capsys: pytest.CaptureFixture[str], situation: str
) -> None:
    make, state, reason = SITUATIONS[situation]
    make(study, study.add(epochs=2))
    shown = {name: face(study, capsys) for name, face in FACES.items()}
    assert len(set(shown.values())) == 1, shown
    found = shown["status"]
    assert found[0] == state
    assert re.fullmatch(reason, found[1]), found


def _status(study: Study, _: object) -> tuple[str, str]:
    found = study.one(epochs=2)
    return found.state, found.reason


def _results(study: Study, _: object) -> tuple[str, str]:
    (found,) = load_study(study.results, study.study).experiments
    return found.state, found.reason


def _table(study: Study, _: object) -> tuple[str, str]:
    row = table(load_study(study.results, study.study)).iloc[0]
    return row["state"], row["reason"]


def _verb(*words: str) -> Callable[[Study, pytest.CaptureFixture[str]], tuple[str, str]]:
    def face(study: Study, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
        main([words[0], str(study.folder), *words[1:], "--json"])
        found = json.loads(capsys.readouterr().out)
        (own,) = found["experiments" if words[0] == "status" else "rows"]
        return own["state"], own["reason"]

    return face


FACES = {
    "status": _status,
    "results": _results,
    "results.csv": _table,
    "fairmesh status": _verb("status"),
    "fairmesh results": _verb("results", "--all"),
}
