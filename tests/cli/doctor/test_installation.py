"""What the doctor says of the installation."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.cli.doctor import installation
from fairmesh.cli.doctor.base import FAIL, OK, WARN, Finding
from fairmesh.extras import install_command

LOCK = """\
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:00
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:00
winonly==1.0 ; sys_platform == 'win32' \\
    --hash=sha256:00
rich==13.9 \\
    --hash=sha256:00
"""


@pytest.mark.parametrize(("version", "level"), [((3, 10, 9), FAIL), ((3, 11, 0), OK), ((3, 14, 1), OK)])
def test_an_old_python_is_told(version: tuple[int, ...], level: str) -> None:
    assert installation.python(version).level == level


@pytest.mark.parametrize(
    ("found", "level", "words"),
    [
        ({"numpy": {"2.4.6", "2.5.5"}, "rich": {"13.9"}}, OK, "all 2"),
        ({"numpy": {"2.4.6", "2.5.5"}, "rich": {"14.0"}}, WARN, "rich 14.0 (lock: 13.9)"),
        ({"numpy": {"2.4.6", "2.5.5"}}, WARN, "rich missing (lock: 13.9)"),
    ],
)
def test_packages_are_compared_with_the_lock(found: dict[str, set[str]], level: str, words: str) -> None:
    pins = dict(installation._pinned(LOCK))

    def version(name: str) -> str | None:
        known = found.get(name, set())
        return pins[name] if pins[name] in known else next(iter(known), None)

    told = installation.lock(LOCK, version)
    assert (told.level, words in told.message) == (level, True)


def test_without_a_lock_there_is_nothing_to_compare() -> None:
    assert installation.lock("", lambda _: None).level == OK


@pytest.mark.parametrize(("own", "installer", "level"), [(True, "uv", OK), (False, "uv", WARN), (True, "", WARN)])
def test_an_environment_of_ones_own_is_asked_for(own: bool, installer: str, level: str) -> None:
    assert installation.environment(own, installer).level == level


def test_another_checkout_than_the_one_here_is_told(tmp_path: Path) -> None:
    (tmp_path / "here/fairmesh").mkdir(parents=True)
    assert installation.source(tmp_path / "here/fairmesh", tmp_path / "here", editable=True).level == OK
    told = installation.source(tmp_path / "elsewhere/fairmesh", tmp_path / "here", editable=False)
    assert (told.level, str(tmp_path / "elsewhere") in told.message) == (WARN, True)
    assert installation.source(tmp_path / "x/fairmesh", tmp_path, editable=False).level == OK


@pytest.mark.parametrize(
    ("version", "logger", "level"), [("9.27", True, OK), (None, True, FAIL), ("9.27", False, FAIL)]
)
def test_snakemake_and_its_logger_must_be_there(version: str | None, logger: bool, level: str) -> None:
    assert installation.snakemake(version, logger).level == level


@pytest.mark.parametrize(
    ("name", "here", "in_slurms", "level", "advice"),
    [
        ("local", False, None, OK, ""),
        ("slurm", True, None, OK, ""),
        ("slurm", False, True, OK, ""),
        ("slurm", False, False, FAIL, "make setup-slurm"),
        ("slurm", False, None, FAIL, "make setup-slurm"),
        ("fairmesh", False, None, FAIL, "make setup"),
        ("lsf", False, None, FAIL, install_command(["snakemake-executor-plugin-lsf"])),
    ],
)
def test_the_plugin_of_the_profile_must_be_there(
    name: str, here: bool, in_slurms: bool | None, level: str, advice: str
) -> None:
    told: Finding = installation.executor(name, lambda _: here, in_slurms)
    assert told.level == level
    assert told.advice.startswith(advice)
