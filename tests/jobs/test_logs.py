"""Logs, as people may see them."""

from __future__ import annotations

import time
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
        ("100%\r50%", "50%%"),
        ("100%\r\x1b[K50%", "50%"),
        ("100%\x1b[2K50%", "50%"),
        (" 50%|##  |# fairmesh progress=50", " 50%|##  |# fairmesh progress=50"),
        ("1/9\b\b\b2/9\b\b\b\b\b3", "3/9"),
        ("abc\x1b[2Dx\x1b[1Gy\x1b[99999Cz", "yxcz"),
        ("a\0\0\0b\1\2", "a\ufffdb\ufffd"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://a.example\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r0m\x1b\\text", "text"),
        ("a\tb", "a   b"),
        ("bell\x07 back\x08 del\x7f", "bell\ufffd bac del\ufffd"),
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


@pytest.mark.parametrize("unit", ["\x1bP", "\x1b[", "\x1b]", "\x1b[99999C", "x\x1b[2K", "x\x1b[1G", "\b", "a\rb\x1b[K"])
def test_no_line_takes_long_or_becomes_longer_than_it_was(unit: str) -> None:
    line = unit * 30_000
    began = time.process_time()
    assert len(printable(line)) <= len(line)
    assert time.process_time() - began < 10


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


def followed(windows: list[list[str]], lines: int = 2) -> list[str]:
    """Return what is shown of a log whose last lines are these, one look after the other."""
    window = logs.Window(lines)
    return [line for index, seen in enumerate(windows) for line in window.new(seen, index == len(windows) - 1)]


def test_new_lines_are_found_in_the_last_lines() -> None:
    assert followed([["a", "b", "c"], ["a", "b", "c", "d"], ["c", "d", "e"]]) == ["b", "c", "d", "e"]
    assert followed([[], ["a", "a", "b"], ["a", "a", "b", "b", "b"], []]) == ["a", "a", "b", "b"]
    assert followed([["..a", "b", "c", "d"], [".b", "c", "d", "e"], ["d", "e"]], 9) == ["..a", "b", "c", "d", "e"]
    assert followed([["a", "b"], ["x", "y"], ["x", "y"]], 9) == ["a", "x", "y"]  # too many new lines


def test_an_unfinished_last_line_is_shown_when_it_is_the_same_twice() -> None:
    window = logs.Window(9)
    assert window.new(["a", "10"]) == ["a"]
    assert window.new(["a", "10 %"]) == []
    assert window.new(["a", "10 %"]) == ["10 %"]
    assert window.new(["a", "10 %"]) == []
    assert window.new(["a", "10 %, 20 %", "b", "c"]) == ["10 %, 20 %", "b"]
    assert window.new(["a", "10 %, 20 %", "b", "c"], last=True) == ["c"]


@given(st.lists(st.integers(0, 50), unique=True), st.lists(st.integers(1, 5)))
def test_a_log_that_grows_slowly_is_shown_whole_and_once(numbers: list[int], steps: list[int]) -> None:
    lines = list(map(str, numbers))
    window, shown, end = logs.Window(100), [], 0
    for step in steps:
        end = min(end + step, len(lines))
        shown += window.new(lines[max(0, end - 8) : end])
    shown += window.new(lines[max(0, end - 8) : end], last=True)
    assert shown == lines[:end]
