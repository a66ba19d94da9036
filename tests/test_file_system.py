"""Whether nodes can see a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh import files


@pytest.mark.parametrize(("kind", "local"), [("ext4", True), ("overlay", True), ("nfs4", False), ("lustre", False)])
def test_a_disk_of_this_computer_is_told_from_a_shared_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, local: bool
) -> None:
    device = tmp_path.stat().st_dev
    number = f"{device >> 8 & 0xFFF}:{device & 0xFF | device >> 12 & 0xFFF00}"
    text = f"22 1 0:5 / /proc rw - proc proc rw\n36 22 {number} / / rw,noatime master:1 - {kind} /dev/x rw\n"
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda self, **how: text if self.name == "mountinfo" else read(self, **how))
    assert files.is_on_local_disk(tmp_path) is local
    assert files.file_system(tmp_path) == kind
