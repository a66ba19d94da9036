"""Reading regular files alone: a pipe, a device or an endless file never stops or fills a reader."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from fairmesh.runner import jsonfiles
from fairmesh.runner.safefiles import NotRegularError, open_regular, overwrite, read_regular
from fairmesh.runner.status import Status
from fairmesh.runner.text import last_lines


def test_a_regular_file_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    assert read_regular(str(path)) == b"content"
    with open_regular(str(path)) as file:
        assert file.read(3) == b"con"


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "missing", "link"])
def test_anything_else_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "link":
        (tmp_path / "target").write_bytes(b"{}")
        path.symlink_to(tmp_path / "target")
    elif kind == "device":
        path.symlink_to("/dev/zero")
    with pytest.raises(OSError, match=r"not a regular file|No such file|Is a directory|symbolic links"):
        read_regular(str(path), follow_links=kind == "device")
    assert last_lines(path) == []


def test_a_file_over_the_limit_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(OSError, match="larger than 10 bytes"):
        read_regular(str(path), limit=10)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, '{"a": NaN}', "[Infinity]", "[1e999]", "\xff", "9" * 5000],
    ids=lambda text: text[:10],
)
def test_what_is_not_json_is_no_value(text: str, tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(text.encode("latin-1"))
    assert jsonfiles.read(str(path)) is None


def test_a_file_is_overwritten_in_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old and long")
    before = path.stat().st_ino
    overwrite(str(path), b"new")
    assert (path.read_bytes(), path.stat().st_ino) == (b"new", before)


@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
def test_a_full_disk_and_something_else_in_place_of_the_status_do_not_block(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: str, value: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", path)

    path, target = tmp_path / "status.json", tmp_path / "target"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        target.write_bytes(b"{}")
        path.symlink_to(target)
    monkeypatch.setattr(jsonfiles, "write", write)
    status = Status(str(path), 1, {"host": "here", "pid": 1, "job_id": ""})
    with pytest.raises(NotRegularError):
        status.write_in_place()
    assert kind != "link" or target.read_bytes() == b"{}"
