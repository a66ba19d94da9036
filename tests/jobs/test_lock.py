"""One run of a study at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fairmesh.jobs.lock import RunLock

HOLD = """
import errno, fcntl, os, sys, time
from pathlib import Path
def flock(*_):
    raise OSError(problem, os.strerror(problem))
problem = int(sys.argv[2])
if problem:
    fcntl.flock = flock
from fairmesh.jobs.lock import RunLock
assert RunLock(Path(sys.argv[1])).try_take()
print("taken", flush=True)
time.sleep(60)
"""


PROBLEMS = [0, errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP]  # of the file system's; 0 is one that has locks


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_lock_is_held_by_one_process_and_given_back_by_its_death(
    problem: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without_locks(problem, monkeypatch)
    path = tmp_path / "study/run.lock"
    command = [sys.executable, "-c", HOLD, path, str(problem)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "taken\n"
        mine = RunLock(path)
        assert not mine.try_take(patience=0.15)
        assert mine.holder()["pid"] == holder.pid
        assert mine.is_held()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert not mine.is_held()
        assert mine.try_take()
        assert mine.try_take(), "it stays taken"
        assert mine.holder()["pid"] == os.getpid()


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_lock_that_was_given_back_is_free(problem: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_locks(problem, monkeypatch)
    first, second = RunLock(tmp_path / "lock"), RunLock(tmp_path / "lock")
    for lock, other in ((first, second), (second, first), (first, second)):
        with lock.held():
            assert other.is_held()
            assert not other.try_take()
        assert not other.is_held()


def _without_locks(problem: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def flock(*_: object) -> None:
        raise OSError(problem, os.strerror(problem))

    if problem:
        monkeypatch.setattr(fcntl, "flock", flock)
