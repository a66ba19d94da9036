"""A run is refused in one line where no more files can be created."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from fairmesh.errors import FairmeshError
from fairmesh.workflow.run import check_inodes


@pytest.mark.parametrize(
    ("total", "free", "said"),
    [(1000, 0, ": no more files can be created"), (1000, 9, ": only 9 more files"), (1000, 900, ""), (0, 0, "")],
)
def test_a_run_needs_room_for_its_files(
    total: int, free: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda place: SimpleNamespace(f_files=total, f_favail=free))
    if not said:
        check_inodes(tmp_path / "not/yet/there")
        return
    with pytest.raises(FairmeshError, match=said) as raised:
        check_inodes(tmp_path / "not/yet/there")
    assert str(raised.value).startswith(str(tmp_path))
