"""The lock of a user on a host: one exclusive experiment at a time, whatever others put in its way."""

from __future__ import annotations

import errno
import fcntl
import os
import pwd
from collections.abc import Callable
from pathlib import Path

import pytest

from fairmesh.runner import machine_lock
from fairmesh.runner.machine_lock import MachineLock
from fairmesh.runner.safefiles import NoLocksError, try_lock
from tests.needs import must_have
from tests.runner.conftest import MakeJob, run, status

NOBODY = 65534


@pytest.fixture
def common(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the name of this user's folder in a common temporary folder; the home folder is another one."""
    for name in ("tmp", "person"):
        (tmp_path / name).mkdir()
    person = pwd.getpwuid(os.getuid())
    home = pwd.struct_passwd([*person[:5], str(tmp_path / "person"), person[6]])
    monkeypatch.setattr(machine_lock, "FOLDER", str(tmp_path / "tmp"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: home if uid == os.getuid() else _stranger(uid))
    return tmp_path / "tmp" / f"fairmesh-{os.getuid()}"


def _stranger(uid: int) -> pwd.struct_passwd:
    return pwd.struct_passwd(["mallory", "x", uid, uid, "", "/", "/bin/sh"])


def _of_a_stranger(path: Path) -> None:
    must_have(os.getuid() == 0, "only root can make a folder of somebody else's: squatted locks are not tested")
    path.mkdir()
    os.chown(path, NOBODY, NOBODY)


def _open_to_all(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


SQUATS: dict[str, Callable[[Path], None]] = {
    "folder": _of_a_stranger,
    "open-folder": _open_to_all,
    "file": lambda path: path.touch(),
    "link": lambda path: path.symlink_to("/"),
}


def test_exclusive_means_alone_and_shared_means_together(common: Path) -> None:
    first, second, alone = MachineLock(exclusive=False), MachineLock(exclusive=False), MachineLock(exclusive=True)
    assert first.try_take()
    assert second.try_take()
    assert not alone.try_take()
    assert [path.name for path in common.parent.iterdir()] == [common.name]
    assert common.stat().st_mode & 0o777 == 0o700


def test_who_waits_learns_for_whom(common: Path) -> None:
    holder, waiter = MachineLock(exclusive=True, experiment="x=1 of first"), MachineLock(exclusive=False)
    assert holder.try_take()
    assert not waiter.try_take()
    text = f"waits for the machine: process {os.getpid()} has it since "
    assert waiter.reason().startswith(text)
    assert waiter.reason().endswith(", experiment x=1 of first")


@pytest.mark.parametrize("content", ["", "[", "[]", '{"pid": 1}'])
def test_a_holder_that_is_not_known_is_not_named(common: Path, content: str) -> None:
    common.mkdir(0o700)
    (common / machine_lock.LOCK).write_text(content)
    holder, waiter = MachineLock(exclusive=False), MachineLock(exclusive=True)
    assert holder.try_take()
    assert not waiter.try_take()
    assert waiter.reason() == "waits for the machine, which experiments of other runs use"


def test_the_environment_does_not_matter(common: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    first, second = MachineLock(exclusive=True), MachineLock(exclusive=True)
    assert first.try_take()
    for name in ("TMPDIR", "HOME", "XDG_RUNTIME_DIR", "USER"):
        monkeypatch.setenv(name, str(tmp_path / "elsewhere"))
    assert not second.try_take()


@pytest.mark.parametrize("squat", SQUATS)
def test_a_name_that_somebody_else_has_taken_stops_nobody(squat: str, common: Path) -> None:
    SQUATS[squat](common)
    first, second = MachineLock(exclusive=True), MachineLock(exclusive=True)
    assert first.try_take()
    assert not second.try_take()
    assert not (common / machine_lock.LOCK).exists()


def test_who_began_while_the_name_was_taken_is_seen_when_it_is_free_again(common: Path) -> None:
    SQUATS["file"](common)
    first, second = MachineLock(exclusive=True), MachineLock(exclusive=True)
    assert first.try_take()
    common.unlink()
    common.mkdir(0o700)
    assert not second.try_take()


def test_without_any_place_the_reason_names_who_is_in_the_way(common: Path, make_job: MakeJob, tmp_path: Path) -> None:
    _of_a_stranger(common)
    (tmp_path / "person").rmdir()
    (tmp_path / "person").touch()
    folder = make_job()
    assert run(folder) == 1
    assert (
        status(folder)["reason"]
        == f"{common} is not a folder of yours alone; it belongs to mallory: ask for its removal"
    )


@pytest.mark.parametrize("problem", [errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EIO])
def test_only_a_busy_lock_is_busy(
    problem: int, common: Path, make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(problem, os.strerror(problem))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(NoLocksError if problem != errno.EIO else OSError, match=os.strerror(problem)):
        try_lock(0, "here")
    folder = make_job()
    assert run(folder) == 1
    assert os.strerror(problem) in status(folder)["reason"]


@pytest.mark.parametrize("problem", [errno.EWOULDBLOCK, errno.EACCES])
def test_a_busy_lock_is_no_error(problem: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(problem, "busy")

    monkeypatch.setattr(fcntl, "flock", flock)
    assert not try_lock(0, "here")
