"""What the doctor says of the file system, on real ones that lack something."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fairmesh.cli.doctor import storage
from fairmesh.cli.doctor.base import FAIL, OK, WARN, CheckedProject
from tests.needs import must_have

Mount = Callable[..., Path]


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Mount]:
    """Yield what mounts a small file system; only root can."""
    made: list[Path] = []

    def tmpfs(options: str) -> Path:
        folder = tmp_path / f"mount{len(made)}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        done = subprocess.run(command, check=False, capture_output=True) if os.getuid() == 0 else None
        must_have(done and not done.returncode, "only root can mount a file system: other disks were not tried")
        made.append(folder)
        return folder

    yield tmpfs
    for folder in made:
        subprocess.run(["umount", str(folder)], check=True)


def project_in(folder: Path) -> CheckedProject:
    return CheckedProject(folder, folder, "local", "local", folder / "results")


def levels(folder: Path) -> dict[str, str]:
    return {finding.topic: finding.level for finding in storage.checks(project_in(folder))}


def test_all_is_well_on_a_usual_file_system(tmp_path: Path) -> None:
    found = levels(tmp_path)
    bad = {what for what, level in found.items() if level != OK}
    assert bad <= {"disk", "inodes"}
    assert {"results", "file locks", "hard links", "renaming", "clock"} <= found.keys()
    assert not list(tmp_path.iterdir()), "nothing is left"


def test_a_folder_that_cannot_be_written_is_told(mount: Mount) -> None:
    told = storage.writable(mount("ro"))
    assert (told.level, "Read-only file system" in told.message) == (FAIL, True)


def test_a_full_disk_is_told(mount: Mount) -> None:
    folder = mount("size=64k")
    with pytest.raises(OSError, match="No space"):
        (folder / "big").write_bytes(b"x" * 100_000)
    found = levels(folder)
    assert (found["disk"], found["results"]) == (FAIL, FAIL)
    assert "hard links" not in found


def test_few_files_that_can_be_made_are_told(mount: Mount) -> None:
    assert levels(mount("nr_inodes=500"))["inodes"] == FAIL


@pytest.mark.parametrize(("free", "level"), [(1 << 20, FAIL), (1 << 30, WARN), (1 << 40, OK)])
def test_room(free: int, level: str) -> None:
    assert storage.free_bytes(free).level == level


@pytest.mark.parametrize(
    ("free", "total", "level"), [(10, 100, FAIL), (2_000, 10**6, WARN), (10**6, 10**7, OK), (0, 0, OK)]
)
def test_files(free: int, total: int, level: str) -> None:
    assert storage.free_files(free, total).level == level


def test_locks_that_two_processes_get_are_told(tmp_path: Path) -> None:
    assert storage.locks(tmp_path).level == OK
    told = storage.locks(tmp_path, lambda _: True)
    assert (told.level, told.message) == (FAIL, "two processes get the same lock")


def test_another_process_gets_a_lock_that_nobody_holds(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    assert storage.second_gets(path)


def test_a_file_system_without_locks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", flock)
    assert storage.locks(tmp_path).level == WARN


def _refuse(*_: Path) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def _break(*_: Path) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


@pytest.mark.parametrize(
    ("link", "level"), [(_refuse, OK), (_break, FAIL), (lambda first, second: second.write_text("x"), FAIL)]
)
def test_hard_links_that_do_not_work_are_told(tmp_path: Path, link: Callable[[Path, Path], None], level: str) -> None:
    assert storage.links(tmp_path, link).level == level


@pytest.mark.parametrize("replace", [_refuse, lambda new, old: None])
def test_renaming_that_does_not_replace_is_told(tmp_path: Path, replace: Callable[[Path, Path], None]) -> None:
    assert storage.renames(tmp_path).level == OK
    assert storage.renames(tmp_path, replace).level == FAIL


@pytest.mark.parametrize(("skew", "level", "word"), [(0, OK, "agrees"), (60, WARN, "behind"), (-60, WARN, "ahead")])
def test_a_clock_that_differs_is_told(tmp_path: Path, skew: float, level: str, word: str) -> None:
    told = storage.clock(tmp_path, lambda: time.time() + skew)
    assert (told.level, word in told.message) == (level, True)
