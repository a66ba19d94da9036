"""Conditions that choose: what they can say, and how mistakes are told."""

from __future__ import annotations

import pytest

from fairmesh.errors import InputError
from fairmesh.expressions.conditions import Condition


def test_a_name_without_a_value_has_none() -> None:
    condition = Condition.parse("gpu is none or epochs > 1", ["epochs", "gpu"], "quick")
    assert [condition(values) for values in ({"epochs": 1, "gpu": "a100"}, {"epochs": 2, "gpu": "x"}, {})] == [
        False,
        True,
        True,
    ]


ENDED = "something follows its end; perhaps an operator is missing"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "epoch > 1 and gpo == 2",
            "--where: there is no 'epoch' in quick; did you mean 'epochs'? (allowed: epochs, gpu)",
        ),
        ("gpu == a100", "--where: there is no 'a100' in quick; quote a text: 'a100' (allowed: epochs, gpu)"),
        ("gpu = 'a=1'", f"--where: not an expression: {ENDED}; to compare, write =="),
        ("epochs >", "--where: not an expression: "),
        ("''.__class__", "--where: cannot be computed: "),
    ],
)
def test_a_mistake_is_said(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        Condition.parse(text, ["epochs", "gpu"], "quick")({"epochs": 1})
    assert str(caught.value).startswith(message)
