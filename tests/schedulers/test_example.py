"""The worked example of "Add a scheduler": a module is enough, and the page shows what is tested."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import fairmesh.schedulers
from fairmesh.jobs.directives import batch_values, directives
from fairmesh.runner import scheduler as queue
from fairmesh.schedulers import JobState, current_job, detect, find_scheduler, names
from tests.jobs.conftest import experiment, machine

HERE = Path(__file__).parent / "example"
PAGE = Path(__file__).parents[2] / "site/docs/how-to/add-a-scheduler.md"
PROGRAMS = {
    "qput": 'cat > "$0.script"; echo "$@" > "$0.options"; echo 7',
    "qlook": 'echo "7 run-1 RUNS fairmesh-bundle-1"; echo "8 x BAD -"',
    "qdrop": 'echo "$@" > "$0.ids"',
}


@pytest.fixture(autouse=True)
def example(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Add the example's module to the package, and stand-ins for its programs to the path."""
    monkeypatch.setattr(fairmesh.schedulers, "__path__", [*fairmesh.schedulers.__path__, str(HERE)])
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(f"#!/bin/bash\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("FAIRMESH_SCHEDULER", "queue")
    names.cache_clear()
    yield tmp_path
    names.cache_clear()


def test_it_is_found_and_describes_jobs(example: Path) -> None:
    assert "queue" in names()
    scheduler = find_scheduler("queue")
    assert detect() is scheduler
    lines = directives(experiment(resources={"runtime": 5, "queue_name": "day"}), machine(scheduler="queue"))
    assert lines[-2:] == ["#QUEUE --queue=day", "#QUEUE --minutes=5"]
    assert batch_values(machine(scheduler="queue"))["submit_hint"] == "qput < job.sh"
    assert scheduler.submit("true\n", {"mem_mb": 9}, "run-1", "fairmesh-bundle-1", str(example / "log")) == "7"
    assert (example / "qput.script").read_text() == "true\n"
    assert (queue.jobs(name="run-1") or {})["7"].state is JobState.RUNNING
    assert queue.cancel(["7"]) == ""
    assert (example / "qdrop.ids").read_text() == "7\n"


def test_claims_are_judged_by_it() -> None:
    queue._known.clear()
    assert queue.is_over("7", "queue", 0) is False
    assert queue.is_over("8", "queue", 0) is True
    assert queue.is_over("9", "queue", 0) is True, "it does not know the job any more"
    assert queue.is_over("7", "another", 0) is None


def test_a_job_knows_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUE_JOB", "7")
    job = current_job()
    assert job is not None
    assert (job.id, job.cluster) == ("7", "queue")


def test_the_page_shows_this_module() -> None:
    assert (HERE / "queue.py").read_text() in PAGE.read_text()
