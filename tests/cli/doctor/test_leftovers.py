"""What the doctor says of dead runs."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

from fairmesh.cli.doctor import storage
from fairmesh.cli.doctor.base import OK, WARN, CheckedProject
from fairmesh.jobs.lock import RunLock
from fairmesh.runner import owner
from tests.status.conftest import Study, study

__all__ = ["study"]
DEAD = {"pid": 1, "start": "not this one"}  # of this host and boot: the proof that it is gone


def project_in(folder: Path) -> CheckedProject:
    return CheckedProject(folder, folder, "local", "local", folder / "results")


def test_where_nothing_was_run_nothing_is_left(tmp_path: Path) -> None:
    (told,) = storage.leftover_checks(project_in(tmp_path))
    assert told.level == OK


def test_a_run_of_a_process_that_is_gone_is_told(study: Study, tmp_path: Path) -> None:
    study.add(epochs=1)
    study.write_plan()
    study.run(owner=owner.current_process() | DEAD)
    (told,) = storage.leftover_checks(project_in(tmp_path))
    assert (told.level, told.topic) == (WARN, "dead run")
    assert "fairmesh run quick" in told.advice
    study.run(ended="2026-11-20T11:00:00.000Z")
    (told,) = storage.leftover_checks(project_in(tmp_path))
    assert told.level == OK


def test_claims_that_bind_nobody_are_told(study: Study, tmp_path: Path) -> None:
    point = study.add(epochs=1)
    study.write_plan()
    study.start(point, "running")
    study.claim(point, **DEAD)
    (told,) = storage.leftover_checks(project_in(tmp_path))
    assert (told.level, told.topic) == (WARN, "stale claims")
    assert "fairmesh retry --study quick --state lost" in told.advice


def test_a_plan_that_cannot_be_read_is_told(study: Study, tmp_path: Path) -> None:
    study.add(epochs=1)
    study.write_plan()
    (study.folder / "plan.json").write_text("{}")
    (told,) = storage.leftover_checks(project_in(tmp_path))
    assert told.level == WARN


def test_a_lock_of_snakemakes_counts_while_no_study_is_run(study: Study, tmp_path: Path) -> None:
    study.add(epochs=1)
    study.write_plan()
    (tmp_path / storage.SNAKEMAKES).mkdir(parents=True)
    (tmp_path / storage.SNAKEMAKES / "0.output.lock").touch()
    lock = study.paths.lock
    lock.write_text(json.dumps({}))
    assert "dead lock" in [finding.topic for finding in storage.leftover_checks(project_in(tmp_path))]
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert RunLock(lock).is_held()
        assert "dead lock" not in [finding.topic for finding in storage.leftover_checks(project_in(tmp_path))]
    assert not RunLock(lock).is_held()
