"""Ids and keys: safe everywhere, unique, and back exactly."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fairmesh import names
from fairmesh.files import canonical_json

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(), SCALARS, max_size=3)
AXES = st.dictionaries(st.text(min_size=1), VALUES, max_size=5)


def typed(value: Any) -> Any:
    """Return a form that differs for True and 1, a number and its text, [1] and [1.0], but not for 1 and 1.0."""
    if isinstance(value, list | dict):
        return ("json", canonical_json(value))
    return ("text", value) if isinstance(value, str) else ("truth", value) if isinstance(value, bool) else value


@given(st.text(), st.text())
def test_different_texts_are_escaped_differently(one: str, other: str) -> None:
    assert (names.escape(one) == names.escape(other)) is (one == other)


@given(AXES)
def test_ids_hold_safe_bytes_only_and_are_short(axes: dict[str, Any]) -> None:
    experiment = names.experiment_id(axes)
    assert re.fullmatch(r"[A-Za-z0-9._~=+-]+", experiment)
    assert len(experiment) <= 120


@given(AXES, AXES)
def test_different_axes_have_different_ids(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = {n: typed(v) for n, v in one.items()} == {n: typed(v) for n, v in other.items()}
    assume(same or one != other)
    assert (names.experiment_id(one) == names.experiment_id(other)) is same


@pytest.mark.parametrize(
    ("axes", "experiment"),
    [
        ({}, "defaults"),
        ({"repeat": 3, "epochs": 1, "gpu": "a100"}, "epochs=1+gpu=a100+repeat=3"),
        ({"z": 1, "repeat": 2}, "z=1+repeat=2"),
        ({"rate": 1e-05}, "rate=1e-5"),
        ({"rate": -0.0}, "rate=0"),
        ({"text": "1e-05"}, "text=~221e-05~22"),
        ({"text": ""}, "text=~22~22"),
        ({"text": "a,b c"}, "text=a~2cb~20c"),
        ({"text": "on"}, "text=on"),
        ({"text": "../é"}, "text=..~2f~c3~a9"),
        ({"a": [1, "x"]}, "a=~5b1~2c~22x~22~5d"),
    ],
)
def test_an_id_names_the_axes(axes: dict[str, Any], experiment: str) -> None:
    assert names.experiment_id(axes) == experiment


@pytest.mark.parametrize("length", range(90, 100))
def test_a_long_id_is_cut_before_an_escape(length: int) -> None:
    experiment = names.experiment_id({"a": "x" * length + "/" * 20})
    head, digits = experiment.split("~~")
    assert re.fullmatch(r"a=x+(~2f)*", head)
    assert 98 <= len(head) <= 100
    assert re.fullmatch("[0-9a-f]{16}", digits)


def test_keys_tell_studies_and_machines_apart() -> None:
    keys = {names.experiment_key(study, machine, "a=1") for study in "ab" for machine in "cd"}
    assert len(keys) == 4
    assert all(re.fullmatch("[0-9a-f]{12}", key) for key in keys)
