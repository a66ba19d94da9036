"""What a person reads when the input is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.errors import BusyError, FairmeshError, InputError, Problem, nearest, place


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        (Problem("is empty"), "is empty"),
        (Problem("is empty", "a.yaml"), "a.yaml: is empty"),
        (Problem("wrong", "a.yaml:1:2", "x, y", "x"), "a.yaml:1:2: wrong; did you mean 'x'? (allowed: x, y)"),
    ],
)
def test_a_problem_is_one_line(problem: Problem, line: str) -> None:
    assert str(problem) == line


def test_all_problems_come_at_once() -> None:
    assert str(InputError([Problem("one"), Problem("two")])) == "one\ntwo"


def test_exit_status_tells_wrong_input_from_failed_work() -> None:
    assert (FairmeshError.exit_code, BusyError.exit_code, InputError.exit_code) == (1, 1, 2)


def test_nothing_is_suggested_for_a_name_unlike_all() -> None:
    assert nearest("zzz", ["epochs"]) == ""


def test_files_are_shown_as_seen_from_the_current_folder() -> None:
    assert place(Path.cwd() / "a" / "b.yaml", 2, 3) == str(Path("a/b.yaml:2:3"))
    assert place("/elsewhere/b.yaml") == "/elsewhere/b.yaml"
