"""Reading what programs wrote."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fairmesh.results import csv_files
from fairmesh.results.csv_files import Row, read_rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("epoch,loss\n1,0.5\n", [{"epoch": 1.0, "loss": 0.5}]),
        ("epoch,loss\n1,nan\n2,\n", [{"epoch": 1.0, "loss": None}, {"epoch": 2.0, "loss": None}]),
        ("scene,loss\nS3A,inf\n", [{"scene": "S3A", "loss": None}]),
        ("epoch,loss\n1\n", [{"epoch": 1.0, "loss": None}]),
        ("epoch\n1,2,3\n", [{"epoch": 1.0}]),
        ("", []),
        ("epoch;loss\n1;0,5\n", [{"epoch": 1.0, "loss": 0.5}]),
        ("epoch\tloss\r\n1\t0.5\r\n", [{"epoch": 1.0, "loss": 0.5}]),
        ("epoch|loss\n1|0,5\n", [{"epoch": 1.0, "loss": "0,5"}]),
        ("epoch,loss\r1,0.5\r", [{"epoch": 1.0, "loss": 0.5}]),
        ("\ufeffepoch, loss\n1, 0.5\n", [{"epoch": 1.0, "loss": 0.5}]),
        ('scene;"a;\nb"\n"two\nlines";1\n', [{"scene": "two\nlines", "a;\nb": 1.0}]),
        ("epoch,loss\n\n1,1_0\n", [{"epoch": 1.0, "loss": "1_0"}]),
        ("1,0.5\n2,0.4\n", []),  # no header
        ("epoch,loss\n1,0.5\n2," + "x" * 200_000 + "\n3,0.3\n", [{"epoch": 1.0, "loss": 0.5}]),
    ],
)
def test_rows_are_numbers_where_they_can_be(tmp_path: Path, text: str, expected: list[Row]) -> None:
    (tmp_path / "rows.csv").write_text(text, newline="")
    assert read_rows(tmp_path / "rows.csv") == expected


def test_what_is_no_csv_file_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "link.csv").symlink_to(__file__)
    os.mkfifo(tmp_path / "pipe.csv")
    names = ("binary.csv", "link.csv", "pipe.csv", "missing.csv", "..")
    assert [read_rows(tmp_path / name) for name in names] == [[]] * len(names)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_file_of_another_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "rows.csv").write_bytes("Größe,Wert\nfünf,5\n".encode(encoding))
    assert read_rows(tmp_path / "rows.csv") == [{"Größe": "fünf", "Wert": 5.0}]


@pytest.mark.parametrize("count", [1, 2000, 2001, 30_000])
def test_of_very_many_rows_an_even_part_is_kept_and_said(tmp_path: Path, count: int) -> None:
    text = "".join(f"{number},{number / 2}\n" for number in range(count))
    (tmp_path / "rows.csv").write_text(f"epoch,loss\n{text}")
    rows = read_rows(tmp_path / "rows.csv")
    step = 1 if count < 2 else rows[1]["epoch"]
    assert rows.total == count
    assert min(count, 1000) <= len(rows) <= 2000
    assert [row["epoch"] for row in rows] == [number * step for number in range(len(rows))]
    assert rows.note == ("" if count <= 2000 else f"Of {count} rows one in {step:.0f} is shown.")
    assert [row["epoch"] for row in read_rows(tmp_path / "rows.csv", first=3)] == [0.0, 1.0, 2.0][:count]


def test_very_many_columns_and_bytes_are_bounded_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "MOST_BYTES", 1 << 20)
    (tmp_path / "wide.csv").write_text(",".join(f"c{number}" for number in range(150)) + "\n" + "1," * 149 + "1\n")
    (tmp_path / "long.csv").write_text("note\n" + ("x" * 1000 + "\n") * 2000)
    wide, long = read_rows(tmp_path / "wide.csv"), read_rows(tmp_path / "long.csv")
    assert (len(wide[0]), wide.note) == (100, "Of 150 columns the first 100 are shown.")
    assert (long.total, long.note) == (1048, "Of the file the first 1 MiB are read.")
