"""Schedulers are found by name, by the job that a process runs in, or by what is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.schedulers import Scheduler, detect, find_scheduler, names, registry

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


def test_the_selected_scheduler_is_required_even_if_another_one_is_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "detect", lambda: registry.find_scheduler("sge"))
    monkeypatch.setenv(registry.CHOICE, "slurm")
    assert registry.required_scheduler().name == "slurm"
    assert registry.required_scheduler("lsf").name == "lsf"
    monkeypatch.delenv(registry.CHOICE)
    assert registry.required_scheduler().name == "sge"


@pytest.mark.parametrize(("name", "message"), [("slrum", "no scheduler 'slrum'; allowed: "), ("", "no scheduler here")])
def test_a_scheduler_that_does_not_exist_is_one_line(monkeypatch: pytest.MonkeyPatch, name: str, message: str) -> None:
    monkeypatch.setattr(registry, "detect", lambda: None)
    monkeypatch.delenv(registry.CHOICE, raising=False)
    with pytest.raises(LookupError, match=message):
        registry.required_scheduler(name)
