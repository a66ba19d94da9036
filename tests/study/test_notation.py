"""Cloudmesh's notation, and ranges."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fairmesh.study.notation import expand_notation, is_notation, range_values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,2,5", "1 2 5"),
        ("[1-3]", "1 2 3"),
        ("[1-2,5]", "1 2 5"),
        ("a[0-2]", "a0 a1 a2"),
        ("[001-003]", "001 002 003"),
        ("[0-1][0-1]", "00 01 10 11"),
        ("0.1, 0.01", "0.1 0.01"),
        ("1e-3,1e-4", "1e-3 1e-4"),
        ("local:[a,b]", "local:a local:b"),
        ("x[1-2]y,z", "x1y x2y z"),
        ("[9-11]", "9 10 11"),
    ],
)
def test_a_text_stands_for_several(text: str, values: str) -> None:
    assert is_notation(text)
    assert expand_notation(text) == values.split()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,,y", "has an empty part between commas"),
        ("1,", "has an empty part between commas"),
        ("[]", "has an empty part between commas"),
        ("[3-1]", "has the span 3-1, which runs backwards"),
        ("[1-3", "has a '[' without its ']'"),
        ("1-3]", "has a ']' too many"),
        ("[[1]]", "has a '[' too many"),
        ("[1-10:2]", "has no steps; write {from: 1, to: 10, step: 2} in place of [1-10:2]"),
        ("[1-9999999]", "stands for more than 1000000 values"),
        ("[1-99999999999999999999999]", "stands for more than 1000000 values"),
        ("[0-999][0-999][0-999]", "stands for more than 1000000 values"),
    ],
)
def test_a_mistake_in_the_notation_is_named(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message) + "$"):
        expand_notation(text)


@given(st.lists(st.text("ab01._-", min_size=1, max_size=5), min_size=1, max_size=6))
def test_commas_separate(parts: list[str]) -> None:
    assert expand_notation(",".join(parts)) == parts


def _range(text: str, scale: str = "linear") -> list[float]:
    words = dict(zip(("from", "to", "step", "count"), text.split(), strict=False))
    return [float(value) for value in range_values({key: word for key, word in words.items() if word != "-"}, scale)]


@pytest.mark.parametrize(
    ("text", "scale", "values"),
    [
        ("1 5 1", "linear", [1, 2, 3, 4, 5]),
        ("0.1 0.5 0.1", "linear", [0.1, 0.2, 0.3, 0.4, 0.5]),
        ("1 10 4", "linear", [1, 5, 9]),
        ("10 1 -3", "linear", [10, 7, 4, 1]),
        ("0 1 - 5", "linear", [0, 0.25, 0.5, 0.75, 1]),
        ("0 1 - 11", "linear", [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]),
        ("1e-4 1e-2 - 3", "log", [1e-4, 1e-3, 1e-2]),
        ("0.001 1000 - 7", "log", [0.001, 0.01, 0.1, 1, 10, 100, 1000]),
        ("1 32 2", "log", [1, 2, 4, 8, 16, 32]),
        ("8 3 0.5", "log", [8, 4]),
        ("5 5 - 1", "linear", [5]),
        ("5 5 1", "linear", [5]),
    ],
)
def test_a_range_is_exact_and_has_both_ends(text: str, scale: str, values: list[float]) -> None:
    assert _range(text, scale) == values


@pytest.mark.parametrize(
    ("text", "scale", "message"),
    [
        ("1 2", "linear", "needs 'step' or 'count'"),
        ("1 2 1 2", "linear", "has 'step' and 'count', of which one is enough"),
        ("1 2 0", "linear", "has the step 0, which does not change the value"),
        ("1 2 1", "log", "has the step 1, which does not change the value"),
        ("1 2 -1", "linear", "runs from 1 to 2, but the step -1 goes the other way"),
        ("1 2 0.5", "log", "runs from 1 to 2, but the step 0.5 goes the other way"),
        ("0 1 - 2", "log", "has a logarithmic scale, which needs numbers above 0"),
        ("1 2 - 1", "linear", "has 'count: 1' but two ends"),
        ("1 1 - 2", "linear", "has 2 values from 1 to 1, all the same"),
        ("1 1e9 1", "linear", "has more than 1000000 values"),
        ("1 1e300 1.000001", "log", "has more than 1000000 values"),
        ("1 Infinity 1", "linear", "must run from one finite number to another"),
        ("1e-300 1e300 1e-300", "linear", "has numbers too large or too small to compute with"),
    ],
)
def test_a_range_that_is_none_is_refused(text: str, scale: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message) + "$"):
        _range(text, scale)


@given(
    first=st.decimals(-1000, 1000, places=3),
    step=st.decimals("0.001", 100, places=3),
    count=st.integers(1, 50),
)
def test_a_stepped_range_agrees_with_decimal_arithmetic(first: Decimal, step: Decimal, count: int) -> None:
    assume(step > 0)
    expected = [first + step * at for at in range(count)]
    texts = {"from": str(first), "to": str(expected[-1]), "step": str(step)}
    assert range_values(texts, "linear") == expected
    if count > 1:
        del texts["step"]
        assert [float(value) for value in range_values(texts | {"count": str(count)}, "linear")] == list(
            map(float, expected)
        )
