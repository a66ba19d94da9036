"""Results that were measured with other code, in words."""

from __future__ import annotations

from typing import Any

import pytest

from fairmesh.jobs.lookup import has_other_code
from fairmesh.results.other_code import other_code_sentence


@pytest.mark.parametrize(
    ("own", "stages", "expected"),
    [
        ("now", [], False),
        ("before", [], True),
        ("now", ["now", "before"], True),
        ("now", ["now"], False),
        ("", [], False),
        ("", ["before"], True),
        (None, None, False),
    ],
)
def test_a_result_has_other_code_if_it_or_a_stage_is_known_to(own: Any, stages: Any, expected: bool) -> None:
    result = {"application": {"code": own}, "provenance": {"inputs": stages and [{"code": code} for code in stages]}}
    assert has_other_code(result, "now") is expected
    assert not has_other_code(result, "")


@pytest.mark.parametrize("result", [{}, {"application": "toy"}, {"provenance": []}, {"provenance": {"inputs": "x"}}])
def test_a_record_without_such_keys_is_unknown(result: dict[str, Any]) -> None:
    assert not has_other_code(result, "now")


def of(commit: str, dirty: bool = False) -> dict[str, Any]:
    return {"code": {"application": {"commit": commit * 40, "dirty": dirty}}}


@pytest.mark.parametrize(
    ("environments", "said"),
    [
        ([], ""),
        ([{}], "1 result was measured with other code"),
        ([of("a"), of("a")], "2 results were measured with other code (commit aaaaaaa)"),
        (
            [of("a"), of("b", dirty=True)],
            "2 results were measured with other code (commits aaaaaaa, bbbbbbb with changes)",
        ),
        (
            list(map(of, "abcde")),
            "5 results were measured with other code (commits aaaaaaa, bbbbbbb, ccccccc and 2 more)",
        ),
        ([{"code": {"application": {"unknown": "no git"}}}], "1 result was measured with other code"),
    ],
)
def test_the_sentence_has_the_commits_that_are_known(environments: list[dict[str, Any]], said: str) -> None:
    assert other_code_sentence(environments) == said
