"""A scheduler that does not answer: said at once, and nobody waits for it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from fairmesh.cli.status import overview
from fairmesh.runner import scheduler
from fairmesh.status import queue
from fairmesh.status.cache import CachedValue
from fairmesh.status.events import NO_EVENTS
from fairmesh.status.job_files import Facts, TrackedJob
from fairmesh.status.queue import SILENT, Queue
from fairmesh.status.reader import read_status
from tests.schedulers.jobs import slurm_job
from tests.status.conftest import Study

RUNNING = Facts(attempt=1, status={"state": "running", "job_id": "7"}, is_over=False)
JOB = slurm_job("7", "RUNNING", node="n1")


def found() -> list[TrackedJob]:
    """Return an experiment that runs in the scheduler's job 7."""
    return [TrackedJob("experiment", "slurm", "x=1", "k", "f", "folder", {}, True, CachedValue(None), facts=RUNNING)]


@pytest.fixture(autouse=True)
def is_asked_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask at each look, of a scheduler that is there."""
    monkeypatch.setattr(queue, "PERIOD", -1.0)
    monkeypatch.setattr(scheduler, "is_here", lambda: True)


def test_what_was_known_stays_and_the_silence_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = Queue(again=True)
    for answer, problem in [({"7": JOB}, ""), (None, SILENT), ({"7": JOB}, "")]:
        monkeypatch.setattr(scheduler, "jobs", lambda *_, answer=answer, **__: answer)
        asked.look(found(), {})
        assert asked.problem == problem
        assert asked.of("k", RUNNING, NO_EVENTS)[0] == JOB


def test_who_looks_again_and_again_does_not_wait_for_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, ends, questions = Queue(again=True), threading.Event(), []
    monkeypatch.setattr(scheduler, "jobs", lambda *_, **__: {"7": JOB})
    asked.look(found(), {})
    monkeypatch.setattr(queue, "SHORTLY", 0.01)
    monkeypatch.setattr(scheduler, "jobs", lambda *_, **__: questions.append(1) or (ends.wait(60) and {}))
    for _ in range(5):
        asked.look(found(), {})
    assert len(questions) == 1, "one question at a time"
    assert asked.of("k", RUNNING, NO_EVENTS)[0] == JOB
    ends.set()
    asked._question.join(60)  # type: ignore[union-attr]
    asked.look(found(), {})
    assert asked.of("k", RUNNING, NO_EVENTS)[0] is None, "the late answer is taken at the next look"


def test_a_program_that_hangs_is_asked_once_for_all_jobs(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = tmp_path / "asked"
    monkeypatch.setattr(scheduler, "BRIEFLY", 0.2)
    monkeypatch.setattr(scheduler, "_known", {})
    squeue = tmp_path / "bin/squeue"
    squeue.parent.mkdir()
    squeue.write_text(f"#!/bin/sh\necho >> {asked}\nexec /bin/sleep 60\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(squeue.parent))
    for value in (1, 2):
        point = study.add(epochs=value)
        study.start(point, "running", job_id=str(value))
        study.claim(point, host="elsewhere", job_id=str(value), cluster="c")
    begun = time.monotonic()
    status = read_status(study.paths)
    assert status.scheduler == SILENT
    assert SILENT in [line.text for line in overview(status, 9)]
    assert len(asked.read_text().splitlines()) == 1
    assert time.monotonic() - begun < 30


SCRIPTS = {"none": "true\n", "slurm": "#!/bin/bash\n#SBATCH --mem=1G\n", "lsf": "#!/bin/bash\n#BSUB -n 1\n"}


@pytest.mark.parametrize(
    ("machines", "elsewhere", "asked"),
    [
        ({"dgx": "slurm", "cluster": "lsf"}, {"dgx"}, ["lsf"]),
        ({"laptop": "none", "cluster": "slurm"}, set(), ["slurm"]),
        ({"dgx": "slurm", "laptop": "none"}, {"dgx"}, []),
    ],
)
def test_the_scheduler_is_that_of_a_machine_of_this_computer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machines: dict[str, str], elsewhere: set[str], asked: list[str]
) -> None:
    names = []
    monkeypatch.setattr(scheduler, "jobs", lambda *_, scheduler, **__: names.append(scheduler.name) or {})
    jobs = []
    for machine, name in machines.items():
        folder = tmp_path / machine / "x=1"
        folder.mkdir(parents=True)
        (folder / "job.sh").write_text(SCRIPTS[name])
        about = {"machine": machine}
        jobs.append(TrackedJob("experiment", machine, "x=1", "k", "f", str(folder), about, True, CachedValue(None)))
        jobs.insert(0, TrackedJob("stage", "", "s", "k", "f", str(folder), about, True, CachedValue(None)))
    Queue().look(jobs, {}, elsewhere)
    assert names == asked
