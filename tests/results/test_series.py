"""Reading what programs wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.results.series import Row, read_rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("epoch,loss\n1,0.5\n", [{"epoch": 1.0, "loss": 0.5}]),
        ("epoch,loss\n1,nan\n2,\n", [{"epoch": 1.0, "loss": None}, {"epoch": 2.0, "loss": None}]),
        ("scene,loss\nS3A,inf\n", [{"scene": "S3A", "loss": None}]),
        ("epoch,loss\n1\n", [{"epoch": 1.0, "loss": None}]),
        ("epoch\n1,2,3\n", [{"epoch": 1.0}]),
        ("", []),
    ],
)
def test_rows_are_numbers_where_they_can_be(tmp_path: Path, text: str, expected: list[Row]) -> None:
    (tmp_path / "rows.csv").write_text(text)
    assert read_rows(tmp_path / "rows.csv") == expected


def test_what_is_no_csv_file_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "link.csv").symlink_to(__file__)
    assert [read_rows(tmp_path / name) for name in ("binary.csv", "link.csv", "missing.csv")] == [[], [], []]
