"""Real shells complete verbs, options and names."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fairmesh import cli
from tests.needs import must_have

CASES = [
    ("stat", {"status"}),
    ("plan sw", {"sweep"}),
    ("plan sweep --whe", {"--where"}),
    ("run --profile profiles/slurm-", {"profiles/slurm-lean"}),
    ("retry --state fa", {"failed"}),
    ("render sweep --machine lo", {"local"}),
    ("new x --application to", {"toy"}),
    ("completion f", {"fish"}),
]
_BASH = """
source completions
words=({words} {last!r})
COMP_WORDS=(fairmesh "${{words[@]}}") COMP_CWORD=${{#words[@]}} COMPREPLY=()
function=$(complete -p fairmesh | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function" fairmesh {last!r} "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def said(command: list[str]) -> set[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return {line.split("\t")[0] for line in done.stdout.splitlines() if line}


@pytest.fixture
def script(project: Path, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest) -> str:
    """Write the script of a shell, which must be installed; give the shell."""
    shell = str(request.param)
    must_have(shutil.which(shell), f"{shell.upper()} IS MISSING: its completion was not tried")
    shutil.copytree(project / "tests/toy", project / "toy")
    assert cli.main(["completion", shell]) == 0
    (project / "completions").write_text(capsys.readouterr().out)
    return shell


@pytest.mark.parametrize("script", ["bash"], indirect=True)
def test_bash(script: str) -> None:
    for line, expected in CASES:
        words, _, last = line.rpartition(" ")
        text = _BASH.format(words=words, last=last)
        for code in (text, text.replace("completions\n", "completions\ncd config/studies\n", 1)):
            assert said([script, "--norc", "-c", code]) == expected, line


@pytest.mark.parametrize("script", ["fish"], indirect=True)
def test_fish(script: str) -> None:
    for line, expected in CASES:
        call = f"source completions; complete -C'fairmesh {line}'"
        assert expected <= said([script, "--no-config", "-c", call]), line


@pytest.mark.parametrize("script", ["bash", "zsh", "fish"], indirect=True)
def test_a_shell_takes_the_script(script: str) -> None:
    assert said([script, "-n", "completions"]) == set()
