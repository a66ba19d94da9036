"""Schedulers are found by name, by the job that a process runs in, or by what is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.schedulers import Scheduler, detect, find_scheduler, names

IN_PART = ("lsf",)  # writes directives, and cannot be asked yet


@pytest.mark.parametrize("name", sorted({*names()} - {*IN_PART}))
def test_each_module_is_a_whole_scheduler(name: str) -> None:
    scheduler = find_scheduler(name)
    assert scheduler.name == name
    facts = ("title", "programs", "prefix", "submit_hint", "variables", "end_signals", "shell")
    assert all(getattr(scheduler, fact) for fact in facts)
    methods = ("options", "naming", "known_resources", "submit", "jobs", "cancel", "cluster", "current_job", "site")
    assert [method for method in methods if getattr(type(scheduler), method) is getattr(Scheduler, method)] == []
    assert set(scheduler.own_resources) <= scheduler.known_resources()


@pytest.mark.parametrize("name", names())
def test_common_resources_become_directives(name: str) -> None:
    scheduler = find_scheduler(name)
    lines = scheduler.directives("0123456789ab", {"runtime": 5, "mem_mb": 900, "threads": 2}, exclusive=False)
    assert lines
    assert all(line.startswith(scheduler.prefix + " ") for line in lines)
    assert any("0123456789ab" in line for line in lines)


def test_the_interface_is_no_scheduler() -> None:
    assert "slurm" in names()
    assert not {"base", "registry", "transport"} & set(names())
    with pytest.raises(LookupError, match="there is no scheduler 'pbs'; allowed: "):
        find_scheduler("pbs")


def test_the_job_that_a_process_runs_in_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in names():
        for variable in find_scheduler(name).variables:
            monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert detect() is None
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    assert detect() is find_scheduler("slurm")
