"""Logs, as people may see them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.jobs import logs
from fairmesh.runner.text import last_lines, lines_of, printable


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("plain", "plain"),
        ("10%\r50%\r100%", "100%"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://a.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r0m\x1b\\text", "text"),
        ("a\tb", "a   b"),
        ("bell\x07 back\x08 del\x7f", "bell\ufffd back\ufffd del\ufffd"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
        ("\x9b31mred", "\ufffd31mred"),
        ("Grüße, 世界", "Grüße, 世界"),
    ],
)
def test_what_would_steer_a_terminal_is_taken_out(line: str, shown: str) -> None:
    assert printable(line) == shown


@given(st.binary(max_size=300))
def test_nothing_unprintable_is_left_of_any_bytes(data: bytes) -> None:
    assert all(line.isprintable() for line in lines_of(data))


def test_the_tail_of_a_log(tmp_path: Path) -> None:
    log = tmp_path / "job.log"
    assert last_lines(log) == []
    log.write_text("".join(f"step {step}\n" for step in range(100_000)))
    assert last_lines(log, 2) == ["step 99998", "step 99999"]
    link = tmp_path / "link.log"
    link.symlink_to(log)
    assert last_lines(link) == []


def test_a_growing_log_is_read_line_by_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "BLOCK", 16)
    log = tmp_path / "job.log"
    growing = logs.Growing(log)
    assert list(growing.read()) == []
    log.write_text("one\ntwo\nthree, which is longer than a block\n\nfo")
    assert "".join(growing.read()) == "onetwothree, which is longer than a block"
    with log.open("a") as file:
        file.write("ur\nfive")
    assert list(growing.read()) == ["four"]
    assert list(growing.read(last=True)) == ["five"]
    assert list(growing.read(last=True)) == []
    growing.path = tmp_path / "next.log"
    growing.path.write_text("anew\n")
    assert list(growing.read()) == ["anew"]
    growing.skip_to(1)
    assert list(growing.read()) == ["anew"]
