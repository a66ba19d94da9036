"""Which experiments of a plan a run is about, if somebody names them in a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from fairmesh.errors import InputError
from fairmesh.study import Plan
from fairmesh.study.selection import PlanSelection

STUDY = "parameters: {count: [1, 2, 3]}\n"


def test_ids_and_keys_in_a_file_choose_experiments_in_the_order_of_the_plan(plan: Callable[[str], Plan]) -> None:
    whole = plan(STUDY)
    Path("only.txt").write_text(f"{whole.experiments[2].key}\n\n  count=1  \n")
    chosen = PlanSelection(only="only.txt").of(whole)
    assert [experiment.id for experiment in chosen.selected] == ["count=1", "count=3"]
    assert chosen.selection == {"only": "only.txt"}
    assert len(chosen.experiments) == 3
    assert [experiment.id for experiment in PlanSelection(where="count > 1", only="only.txt").of(whole).selected] == [
        "count=3"
    ]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (
            "count=1\ncount=4\ncoun\n",
            ["only.txt:2:1: 'count=4': count has 1, 2, 3", "only.txt:3:1: 'coun' fits 3 points of study: "],
        ),
        ("\n", ["no experiment of study is selected by only: only.txt"]),
        (None, ["'only': only.txt cannot be read: "]),
    ],
)
def test_a_file_that_names_nothing_is_refused(
    plan: Callable[[str], Plan], text: str | None, messages: list[str]
) -> None:
    whole = plan(STUDY)
    if text is not None:
        Path("only.txt").write_text(text)
    with pytest.raises(InputError) as error:
        PlanSelection(only="only.txt").of(whole)
    lines = str(error.value).splitlines()
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert line.startswith(message)
