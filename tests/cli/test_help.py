"""The help in groups, examples that hold, and mistakes that are said in one line."""

from __future__ import annotations

import re
import shlex

import pytest

import fairmesh
from fairmesh import cli
from fairmesh.cli.commands import COMMANDS, FIRST_STEPS, by_group
from fairmesh.cli.parser import build_parser

CALLS = [*FIRST_STEPS, *(call for command in COMMANDS.values() for call in command.examples)]
MORE = "see `fairmesh plan --help`"


def test_every_command_has_one_to_three_examples() -> None:
    assert [name for name, command in COMMANDS.items() if not 1 <= len(command.examples) <= 3] == []


@pytest.mark.parametrize("call", CALLS)
def test_an_example_is_a_call(call: str) -> None:
    words = shlex.split(call)
    program, name, *arguments = words[: next((at for at, word in enumerate(words) if word in "<>"), None)]
    assert program == "fairmesh"
    assert vars(build_parser(name)[0].parse_args([name, *arguments]))["command"] == name


def test_the_help_lists_commands_by_group(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert caught.value.code == 0
    heads = re.findall(r"^(\w[\w ]*):$", text, re.MULTILINE)
    assert heads == ["options", *by_group(), "examples"]
    assert [name for name in COMMANDS if not re.search(rf"^  {name} +\w", text, re.MULTILINE)] == []
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_ends_with_its_examples(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([name, "--help"])
    text = capsys.readouterr().out
    assert text.startswith(f"usage: fairmesh {name} ")
    assert tuple(line.strip() for line in text.partition("\nexamples:\n")[2].splitlines()) == COMMANDS[name].examples


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["staus"], "fairmesh: unknown command 'staus'; did you mean 'status'?"),
        (["xqqz"], "fairmesh: unknown command 'xqqz'; `fairmesh --help` lists all"),
        (["status", "--jsn"], "fairmesh status: unknown option '--jsn'; did you mean '--json'?"),
        (
            ["machines", "chek"],
            (
                "fairmesh machines: unknown command 'chek'; did you mean 'check'? "
                "(allowed: check, trust, connect, clean, down)"
            ),
        ),
        (["--jsn"], "fairmesh: unknown option '--jsn'"),
        (
            ["new"],
            "fairmesh new: the following arguments are required: NAME; see `fairmesh new --help`",
        ),
        (
            ["plan", "x", "--first", "0"],
            f"fairmesh plan: argument --first: must be a whole number above 0, not '0'; {MORE}",
        ),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    assert capsys.readouterr() == ("", f"{message}\n")


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    out, err = capsys.readouterr()
    assert (out, "Watch and steer:" in err) == ("", True)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.startswith(f"fairmesh {fairmesh.__version__} from ")
