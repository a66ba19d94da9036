"""The help in groups, examples that hold, and mistakes that are said in one line."""

from __future__ import annotations

import re
import shlex

import pytest

import fairmesh
from fairmesh import cli
from fairmesh.cli import VERBS, parser
from fairmesh.cli.groups import EXAMPLES, FIRST_STEPS, GROUPS

CALLS = [*FIRST_STEPS, *(call for verb in VERBS for call in EXAMPLES[verb])]
MORE = "`fairmesh plan --help` tells more"


def test_every_verb_is_in_one_group_and_has_examples() -> None:
    placed = [verb for names in GROUPS.values() for verb in names.split()]
    assert len(placed) == len(set(placed))
    assert set(VERBS) <= set(placed)
    assert [verb for verb in VERBS if not 1 <= len(EXAMPLES.get(verb, ())) <= 3] == []


@pytest.mark.parametrize("call", CALLS)
def test_an_example_is_a_call(call: str) -> None:
    words = shlex.split(call)
    program, verb, *arguments = words[: next((at for at, word in enumerate(words) if word in "<>"), None)]
    assert program == "fairmesh"
    assert vars(parser(verb)[0].parse_args([verb, *arguments]))["verb"] == verb


def test_the_help_lists_verbs_by_group(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["--help"])
    text = capsys.readouterr().out
    assert caught.value.code == 0
    heads = re.findall(r"^(\w[\w ]*):$", text, re.MULTILINE)
    assert heads == ["options", *GROUPS, "examples"]
    assert [verb for verb in VERBS if not re.search(rf"^  {verb} +\w", text, re.MULTILINE)] == []
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_ends_with_its_examples(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main([verb, "--help"])
    text = capsys.readouterr().out
    assert text.startswith(f"usage: fairmesh {verb} ")
    assert tuple(line.strip() for line in text.partition("\nexamples:\n")[2].splitlines()) == EXAMPLES[verb]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["staus"], "fairmesh: there is no verb 'staus'; did you mean 'status'?"),
        (["xqqz"], "fairmesh: there is no verb 'xqqz'; `fairmesh --help` lists all"),
        (["status", "--jsn"], "fairmesh status: there is no option '--jsn'; did you mean '--json'?"),
        (["machines", "here"], "fairmesh machines: there is no place for 'here'"),
        (["--jsn"], "fairmesh: there is no option '--jsn'"),
        (
            ["plan"],
            f"fairmesh plan: the following arguments are required: STUDY; {MORE}",
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


def test_no_verb_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    out, err = capsys.readouterr()
    assert (out, "Watch and steer:" in err) == ("", True)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"fairmesh {fairmesh.__version__}\n"
