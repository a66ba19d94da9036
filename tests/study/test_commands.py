"""What is filled into a command must fit into it: said with its place, before anything starts."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fairmesh import schema
from fairmesh.errors import InputError
from fairmesh.study import load_plan
from fairmesh.study.commands import MAX_ARGUMENT, find_command_problem


@pytest.mark.parametrize(
    ("command", "note", "argument", "words"),
    [
        (["echo", "{{ note }}"], "x" * 50_000, None, ""),
        (["echo", "{{ note }}"], "é" * 65_535, None, ""),
        (["echo", "{{ note }}"], "é" * 65_536, 1, "has 131,072 bytes"),
        (["echo", "{{ note }}{{ note }}"], "é" * 40_000, 1, "160,000 bytes"),
        (["echo", "{{ note }}"], "x" * 200_000, 1, "more than 100000 characters"),
        (["echo", "{{ note * 20000 }}"], "é" * 5, 1, "bytes"),
        (["echo", "x" * (MAX_ARGUMENT + 1)], "", 1, "has 131,072 bytes"),
        (["echo", "a{{ note }}"], "b\0c", 1, "NUL"),
        (["echo", "{{ stage.scenes }}/{{ note }}"], "x", None, ""),
    ],
)
def test_an_argument_that_is_too_long_is_named(command: list[str], note: str, argument: int | None, words: str) -> None:
    wrong = find_command_problem(command, {"note": note})
    assert (wrong is None) is (not words)
    assert wrong is None or (wrong.argument == argument and words in wrong.message)


def test_arguments_that_are_too_long_together_are_said() -> None:
    count = os.sysconf("SC_ARG_MAX") // MAX_ARGUMENT + 1
    wrong = find_command_problem(["x" * MAX_ARGUMENT] * count, {})
    assert wrong
    assert (wrong.argument, "in all" in wrong.message) == (None, True)


def test_the_place_is_that_of_the_value_in_the_study(tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    application = {"name": "toy", "title": "Toy", "version": "1", "command": ["echo", "{{ note }}"]}
    application |= {"parameters": {"note": {"type": "string", "default": ""}}, "metrics": {"score": {}}}
    (tmp_path / "toy/application.yaml").write_text(schema.dump_yaml(application))
    study = tmp_path / "study.yaml"
    study.write_text(f"study: s\napplication: ./toy\nparameters:\n  note:\n  - short\n  - {'é' * 70_000}\n")
    with pytest.raises(InputError) as caught:
        load_plan(study, tmp_path, "local")
    (problem,) = caught.value.problems
    assert problem.where == f"{study}:4:3"
    assert problem.message.startswith("'command[1]' of toy has 140,000 bytes")
