"""No text from elsewhere steers the terminal: whatever a verb prints passes one door."""

from __future__ import annotations

import ast
import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.cli import main
from fairmesh.printing import one_line, safe_json
from tests.status.conftest import Study, study

__all__ = ["study"]
ROOT = Path(__file__).parents[2]
EVIL = "\x1b]0;owned\x07\x1b[31mred\x9b5m\u202e"
# What makes no text of anybody's: completion scripts, colours of our own, reference pages, and the door itself.
OWN = {"cli/completion.py", "cli/doctor/__init__.py", "cli/manual.py", "printing.py", "reference/__main__.py"}


def prints(path: Path) -> Iterator[int]:
    """Return the lines of a module that call ``print``."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield node.lineno


def test_nothing_is_printed_but_through_the_door() -> None:
    package = ROOT / "fairmesh"
    paths = [
        path
        for folder in ("cli", "workflow", "api", "site", "results", "live")
        for path in (package / folder).rglob("*.py")
    ]
    found = [f"{path}:{line}" for path in paths if str(path.relative_to(package)) not in OWN for line in prints(path)]
    assert found == []


@pytest.mark.parametrize(
    "words",
    [
        [EVIL],
        ["status", EVIL],
        ["status", f"--{EVIL}"],
        ["plan", EVIL],
        ["plan", "quick", "--set", f"{EVIL}=1"],
        ["plan", "quick", "--where", EVIL],
        ["compare", EVIL, EVIL],
        ["merge", EVIL, "--into", "x"],
    ],
)
def test_an_error_repeats_no_escape_code(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.err.replace("\n", "").isprintable(), said.err


@pytest.mark.parametrize(
    "words", [["status"], ["results"], ["results", "--all"], ["status", "--json"], ["results", "--json"]]
)
def test_what_results_hold_is_shown_without_escape_codes(
    study: Study, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    study.title = EVIL
    study.application["metrics"]["accuracy"]["title"] = EVIL
    study.finish(study.add(epochs=2, mode=EVIL), {"accuracy": 0.9, EVIL: 1.0})
    study.start(study.add(epochs=4, mode="b"), "failed", reason=EVIL, message=EVIL, host=EVIL)
    main([words[0], str(study.folder), *words[1:]])
    said = capsys.readouterr()
    assert said.out
    assert (said.out + said.err).replace("\n", "").isprintable()


@given(st.text())
def test_one_line_is_one_printable_line(text: str) -> None:
    assert one_line(text).isprintable()
    assert not {unicodedata.category(character) for character in safe_json(text)} & {"Cc", "Cs"}
    assert json.loads(safe_json(text)) == text
