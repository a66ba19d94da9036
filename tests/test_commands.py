"""Every command that documentation and help print can be typed as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from snakemake.cli import get_argument_parser, parse_config

from fairmesh import cli
from fairmesh.cli import commands as cli_commands
from fairmesh.cli.parser import build_parser
from fairmesh.names import REPEAT
from fairmesh.study import load_plan
from fairmesh.study.settings import Config
from tests.results.builder import Folder

ROOT = Path(__file__).parents[1]
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "config/README.md")),
    *(ROOT / "site/docs").rglob("*.md"),
    *(path for path in (ROOT / "fairmesh/api/starter_files").rglob("*") if path.is_file()),
)
PROGRAMS = ("fairmesh", "snakemake", ".venv/bin/snakemake", ".venv-slurm/bin/snakemake", "make")
ENDS = {"|", ">", "<", "&&", "||", ";", "&", "2>"}
PLACEHOLDER = re.compile(
    r"\.\.\.|\u2026|[<>]|\b[A-Z]{2,}\b|\[|^\S+ --\w+$"
)  # in prose: a form of a command, not a command


def commands() -> Iterator[tuple[str, str]]:
    """Find the lines of code blocks and the spans of prose that begin with one of the programs."""
    for page in PAGES:
        text = re.sub(r"\\\n *", "", page.read_text())
        blocks = re.findall(r"```(?:sh|bash|console)\n(.*?)```", text, re.DOTALL)
        spans = [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
        lines = [line.removeprefix("$ ").strip() for block in blocks for line in block.splitlines()]
        lines += [span for span in spans if not PLACEHOLDER.search(span)]
        for line in dict.fromkeys(lines):
            if line.split(" ")[0] in PROGRAMS:
                yield str(page.relative_to(ROOT)), line


COMMANDS = list(commands())


def words_of(line: str) -> list[str]:
    """Return the words of the first command of a line, without what the shell does with its output."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>;&")
    lexer.whitespace_split = True
    words = list(lexer)
    return words[: next((index for index, word in enumerate(words) if word in ENDS), None)]


def test_there_are_commands_on_many_pages() -> None:
    assert len(COMMANDS) > 100
    assert len({page for page, _ in COMMANDS}) > 15


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_can_be_parsed(page: str, line: str) -> None:
    program, *arguments = words_of(line)
    if program == "fairmesh":
        if arguments and arguments[0] in cli_commands.COMMANDS and "--help" not in arguments:
            assert len(arguments) == 1 or build_parser(arguments[0])[0].parse_args(arguments)
        else:
            assert set(arguments) <= {"--help", "--version", *cli_commands.COMMANDS}, page
    elif program == "make":
        targets = [word for word in arguments if "=" not in word and not word.startswith("-")]
        rules = (ROOT / "Makefile").read_text()
        assert [name for name in targets if not re.search(rf"^{name}:", rules, re.MULTILINE)] == [], page
    else:
        _check_snakemake(arguments)


def _check_snakemake(arguments: list[str]) -> None:
    options = get_argument_parser().parse_args([word for word in arguments if not word.startswith("--fairmesh")])
    assert [profile for profile in options.profile or () if not (ROOT / profile).is_dir()] == []
    assert parse_config(options.config or []).keys() <= Config.model_fields.keys()


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return results of the studies that the examples name, as their plans have them."""
    place = tmp_path_factory.mktemp("finished")
    shutil.copytree(ROOT / "config", place / "config")
    for study in ("quick", "convergence"):
        folder = Folder(place / "results", study)
        for experiment in load_plan(study, ROOT, "local").experiments:
            axes = dict(sorted(experiment.axes.items(), key=lambda axis: (axis[0] == REPEAT, axis[0])))
            folder.finish(folder.add(**axes), {"accuracy": {"value": 0.9}})
    return place


@pytest.mark.parametrize(
    "line",
    [
        *(line for page, line in COMMANDS if page.endswith("tutorial/first-study.md") and "fairmesh " in line),
        *cli_commands.COMMANDS["compare"].examples,
        "fairmesh results",
        "fairmesh status quick",
    ],
)
def test_a_command_of_tutorial_and_help_runs_on_the_results_that_it_is_about(
    finished: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    monkeypatch.chdir(finished)
    assert cli.main(words_of(line)[1:]) == 0, capsys.readouterr().err
