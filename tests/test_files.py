"""Files that others read: whole or not at all, found by the clean-up, in the mode that the umask allows."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fairmesh import files
from fairmesh.jobs.lock import RunLock
from fairmesh.jobs.lookup import remove_half_written
from fairmesh.jobs.paths import StudyPaths
from fairmesh.jobs.render import write_runner
from fairmesh.runner import jsonfiles
from tests.needs import must_have

Write = Callable[[Path], Any]
WAYS: dict[str, tuple[Write, int]] = {
    "write_bytes": (lambda path: files.write_bytes(path, b"x"), 0o666),
    "a script": (lambda path: files.write_text(path, "x", files.PROGRAM), 0o777),
    "write_json": (lambda path: files.write_json(path, {}, flush=True), 0o666),
    "write_new": (lambda path: files.write_new(path, "x"), 0o666),
    "append_lines": (lambda path: files.append_lines(path, ["x"]), 0o666),
    "copy": (lambda path: files.copy_file(Path(__file__), path), 0o666),
    "a folder": (lambda path: files.write_folder(path.parent / "new", [(path.name, "x", 0o666)]), 0o666),
    "the runner": (write_runner, 0o666),
    "the lock of a run": (lambda path: RunLock(path).try_take(), 0o666),
    "a record": (lambda path: jsonfiles.write(str(path), {}), 0o666),
}


@pytest.fixture
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set a umask for a test."""
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.parametrize("umask", [0o077, 0o022, 0o002, 0], indirect=True, ids=oct)
@pytest.mark.parametrize("way", WAYS)
def test_a_file_has_the_mode_that_the_umask_allows(tmp_path: Path, umask: int, way: str) -> None:
    write, mode = WAYS[way]
    write(tmp_path / "file")
    (path,) = [path for path in tmp_path.rglob("file") if path.is_file()]
    assert stat.S_IMODE(path.stat().st_mode) == mode & ~umask
    assert list(tmp_path.rglob(".*")) == []


@pytest.fixture
def shared() -> Iterator[Path]:
    """Return a folder of a group, which pytest's own are not: nobody else may enter those."""
    must_have(os.geteuid() == 0, "only root can become two users")
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, 0, 60_000)
        Path(name).chmod(0o2775)
        yield Path(name)


def test_members_of_a_group_go_on_with_each_others_files(shared: Path) -> None:
    """In a folder of the group whose umask lets it write, each may do what the other did."""
    for user in (60_001, 60_002):
        for way, (write, _) in WAYS.items():
            path = shared / "below" / way.replace(" ", "-") / "file"
            assert _as_member(user, 60_000, write, path) == 0, f"{way} as {user}"
    assert {path.stat().st_gid for path in shared.rglob("*")} == {60_000}


def _as_member(user: int, group: int, write: Write, path: Path) -> int:
    """Write in a process of another user; return its exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.umask(0o002)
            os.setgroups([group])
            os.setgid(user)
            os.setuid(user)
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists() and path.parent.name == "write_new":
                path.unlink()
            write(path)
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("way", ["write_bytes", "write_new", "a record"])
def test_what_a_killed_writer_left_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    paths = StudyPaths(tmp_path, "sweep")
    record = paths.record("local", "x=1")
    record.parent.mkdir(parents=True)

    def be_killed(*_: object) -> None:
        raise SystemExit

    monkeypatch.setattr(os, "replace", be_killed)
    monkeypatch.setattr(os, "link", be_killed)
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    monkeypatch.setattr(os, "unlink", lambda *_, **__: None)
    monkeypatch.setattr(jsonfiles.os, "getpid", lambda: 2**30)
    with pytest.raises(SystemExit):
        WAYS[way][0](record)
    monkeypatch.undo()
    folder = Path(jsonfiles.half_path(str(paths.job("local", "x=1").folder)).replace(str(os.getpid()), str(2**30)))
    (folder / "below").mkdir(parents=True)
    assert len(list(record.parent.iterdir())) == 1
    remove_half_written(paths, ["local"])
    assert list(record.parent.iterdir()) == []
    assert list(folder.parent.iterdir()) == []
