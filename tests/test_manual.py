"""The reference pages of command line and Python say what the program says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fairmesh.cli import manual
from fairmesh.cli.commands import COMMANDS

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("name", "page"), [("cli", manual.cli_page), ("python", manual.python_page), ("results", manual.results_page)]
)
def test_a_page_is_up_to_date(name: str, page: Callable[[], str]) -> None:
    assert (ROOT / manual.PAGES / f"{name}.md").read_text(encoding="utf-8") == page(), "run `make docs`"


def test_every_verb_has_its_help() -> None:
    text = manual.cli_page()
    assert [verb for verb in COMMANDS if f"usage: fairmesh {verb} " not in text] == []
