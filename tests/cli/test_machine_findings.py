"""What is said about a machine by what it reports."""

from __future__ import annotations

from typing import Any

import pytest

from fairmesh.cli.machines.facts import Facts
from fairmesh.cli.machines.findings import ClockOffset, checks, clock
from fairmesh.study.containers import Container
from fairmesh.study.machines import Machine

PROGRAMS = {"bash": "/bin/bash", "tar": "/bin/tar"}
PODMAN = Container(program="podman")
GOOD = {
    "system": "Linux 6.1 x86_64",
    "host": "dgx01",
    "user": "ada",
    "python": "3.6.8",
    "cores": 64,
    "memory": 512 << 30,
    "gpus": ["A100", "A100"],
    "base": "/home/ada/fairmesh",
    "is_writable": True,
    "has_hard_links": True,
    "has_locks": True,
    "free": 1 << 40,
    "free_files": 10_000_000,
    "quota": "",
    "schedulers": [],
    "programs": PROGRAMS,
    "ends_user_processes": False,
}
SLURM = {"name": "slurm", "version": "23.11, cluster big", "cluster": "big", "problem": ""}


def found(facts: dict[str, Any], **settings: Any) -> dict[str, tuple[str, str]]:
    """Return level and text of each topic."""
    machine = Machine(kind="ssh", host="dgx", **settings)
    return {
        finding.topic: (finding.level, f"{finding.message} -> {finding.advice}")
        for finding in checks(machine, Facts(GOOD | facts))
    }


def test_nothing_is_wrong_with_a_good_machine() -> None:
    findings = found({})
    assert {level for level, _ in findings.values()} == {"ok"}
    assert findings["hardware"][1].startswith("64 cores, 512.0 GiB of memory, 2 x A100")


@pytest.mark.parametrize(
    ("facts", "settings", "topic", "level", "text"),
    [
        ({"is_writable": False, "problem": "/x: no"}, {}, "base folder", "fail", "cannot be written: /x: no"),
        ({"free": 1 << 20}, {}, "disk", "fail", "0.0 GiB free"),
        ({"free": 1 << 30}, {}, "disk", "warn", "1.0 GiB free"),
        ({"free_files": 10}, {}, "inodes", "fail", "10 more files"),
        ({"free_files": 10_000}, {}, "inodes", "warn", "10,000 more files"),
        ({"free_files": 0}, {}, "inodes", "ok", "not limited"),
        ({"quota": "/home  9G  10G"}, {}, "quota", "ok", "/home  9G  10G"),
        ({"has_locks": False}, {}, "file locks", "warn", "not supported"),
        ({"has_hard_links": False}, {}, "hard links", "ok", "claims are folders"),
        ({}, {"slots": 65}, "slots", "warn", "`slots: 64`"),
        ({"programs": {"tar": "/bin/tar"}}, {}, "programs", "fail", "missing there: bash"),
        ({}, {"rsync": True}, "rsync", "fail", "missing there"),
        ({}, {"container": PODMAN}, "container", "fail", "podman is not in the PATH there"),
        ({}, {"container": PODMAN, "modules": ["podman"]}, "container", "warn", "podman is not in the PATH there"),
        ({"programs": PROGRAMS | {"podman": "/bin/podman"}}, {"container": PODMAN}, "container", "ok", "/bin/podman"),
        ({"schedulers": [SLURM]}, {}, "scheduler", "warn", "set `scheduler: slurm`"),
        ({"schedulers": [SLURM]}, {"scheduler": "slurm"}, "scheduler", "ok", "Slurm 23.11, cluster big"),
        ({"schedulers": [SLURM | {"problem": "timed out"}]}, {"scheduler": "slurm"}, "scheduler", "fail", "timed out"),
        ({}, {"scheduler": "slurm"}, "scheduler", "fail", "not in the PATH there"),
        ({"ends_user_processes": True}, {}, "logout", "fail", "enable-linger"),
    ],
)
def test_what_is_wrong_is_said(
    facts: dict[str, Any], settings: dict[str, Any], topic: str, level: str, text: str
) -> None:
    finding = found(facts, **settings)[topic]
    assert finding[0] == level
    assert text in finding[1]


def test_jobs_of_a_scheduler_outlive_the_login() -> None:
    facts = {"ends_user_processes": True, "schedulers": [SLURM]}
    assert "logout" not in found(facts, scheduler="slurm", slots=500)
    assert "slots" not in found(facts, scheduler="slurm", slots=500)


@pytest.mark.parametrize("lie", [None, [], "x" * 100_000, {"a": 1}, -1, float("inf"), True, "\x1b[2J\n"])
def test_a_machine_that_lies_breaks_nothing(lie: object) -> None:
    machine = Machine(kind="ssh", host="dgx")
    for finding in checks(machine, Facts(dict.fromkeys(GOOD, lie))):
        assert finding.message.isprintable()
        assert len(finding.message) < 2000


@pytest.mark.parametrize(
    ("offset", "level", "text"),
    [
        (ClockOffset(0.01, 0.02), "ok", "0.010 s ahead, known to 0.020 s"),
        (ClockOffset(-100.0, 0.02), "warn", "100.000 s behind"),
        (ClockOffset(6.0, 3.0), "ok", "6.000 s ahead, known to 3.000 s"),
    ],
)
def test_a_clock_is_wrong_if_it_is_certain(offset: ClockOffset, level: str, text: str) -> None:
    finding = clock(offset)
    assert (finding.level, text in finding.message) == (level, True)
