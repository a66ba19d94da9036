"""The reference pages are as the models and templates have them now, and leave nothing out."""

from __future__ import annotations

from pathlib import Path

import pytest

from fairmesh.expressions.functions import FUNCTIONS
from fairmesh.reference import FILES, build_page, tables
from fairmesh.reference.calls import CALLS
from fairmesh.reference.pages import PAGES
from fairmesh.reference.schemas import narrow
from fairmesh.study.values import FRAMEWORK_AXES, GPU, REPEAT, RESOURCES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", FILES)
def test_a_page_is_as_its_model_has_it_now(name: str) -> None:
    assert (ROOT / PAGES / f"{name}.md").read_text(encoding="utf-8") == build_page(name), "run `make docs`"


@pytest.mark.parametrize("name", FILES)
def test_a_page_has_every_table_of_its_file(name: str) -> None:
    schema, text = narrow(name), build_page(name)
    for title, part in schema.get("$defs", {}).items():
        assert f"## {title}\n" in text
        assert tables.keys(part) in text, title
    assert "properties" not in schema or tables.keys(schema) in text


def test_every_function_of_expressions_has_a_meaning() -> None:
    assert [call.partition("(")[0] for call in CALLS] == list(FUNCTIONS)
    for call, (meaning, example) in CALLS.items():
        assert meaning.endswith(".")
        assert example.startswith(call.partition("(")[0])


def test_every_framework_axis_has_a_meaning() -> None:
    assert FRAMEWORK_AXES.keys() == {GPU, REPEAT, *RESOURCES}
    for name, axis in FRAMEWORK_AXES.items():
        assert axis["description"].endswith("."), name


def test_nothing_in_a_cell_ends_it() -> None:
    for name in FILES:
        for block in build_page(name).split("\n\n"):
            lines = block.splitlines()
            if lines and lines[0].startswith("| "):
                assert len({line.count("|") for line in lines}) == 1, lines[0]
