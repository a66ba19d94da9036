"""A study becomes fields and the fields become the study again: nothing is lost, and nothing changes its meaning."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.api import Project
from fairmesh.api.uploads import check_text
from fairmesh.errors import Problem
from fairmesh.monitor.study_draft import Draft, field_text, is_same_study, parse_exclusions, parse_field
from fairmesh.schema import Node, dump_yaml, parse_yaml
from fairmesh.study.application import Application
from fairmesh.study.find import find_applications
from fairmesh.study.parameters import AxisReader
from fairmesh.study.space import Axis
from fairmesh.study.validation import load_application
from tests.e2e.workplace import ROOT

INTEGER, NUMBER, STRING = {"type": "integer"}, {"type": "number"}, {"type": "string"}
ARRAY, MAYBE = {"type": "array"}, {"type": ["number", "null"]}
PLACE = Project.of(ROOT)


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("30", INTEGER, 30),
        (" 1, 30 ,60 ", INTEGER, [1, 30, 60]),
        ("[1-3]", INTEGER, [1, 2, 3]),
        ("{from: 1, to: 9, step: 2}", INTEGER, {"from": 1, "to": 9, "step": 2}),
        ("1e-3, 0.5", NUMBER, [0.001, 0.5]),
        ("null, 1", MAYBE, [None, 1]),
        ("1e-3", STRING, "1e-3"),
        ("012, true", STRING, ["012", "true"]),
        ("a[0-2]", STRING, ["a0", "a1", "a2"]),
        ('["a,b", "c"]', STRING, ["a,b", "c"]),
        ("[1, 2]", ARRAY, [1, 2]),
        ("[[1], [2]]", ARRAY, [[1], [2]]),
        ("[1-", INTEGER, "[1-"),
        ("{broken", INTEGER, "{broken"),
        ("9" * 5000, INTEGER, "9" * 5000),
    ],
)
def test_a_field_means(text: str, schema: dict[str, Any], value: Any) -> None:
    assert parse_field(text, schema) == value


@pytest.mark.parametrize(
    ("written", "schema", "text"),
    [
        ("30", INTEGER, "30"),
        ("[1, 30, 60]", INTEGER, "1, 30, 60"),
        ('"1,30,60"', INTEGER, "1,30,60"),
        ("{from: 1.0e-4, to: 0.01, count: 3, scale: log}", NUMBER, None),
        ("1e-3", STRING, "1e-3"),
        ('["a,b", c]', STRING, None),
        ("[[1, 2], [3]]", ARRAY, None),
        ('"two\\nlines"', STRING, None),
        ("[]", INTEGER, None),
        ('""', STRING, None),
    ],
)
def test_a_study_is_shown_as(written: str, schema: dict[str, Any], text: str | None) -> None:
    assert field_text(parse_yaml(written, Path("x")), schema) == text


SCALARS = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12)


@given(st.lists(SCALARS, min_size=1, max_size=5) | SCALARS, st.sampled_from([INTEGER, NUMBER, STRING, MAYBE, ARRAY]))
def test_what_a_field_shows_means_the_same(value: Any, schema: dict[str, Any]) -> None:
    node = parse_yaml(dump_yaml({"x": value}), Path("x")).entries["x"]
    text = field_text(node, schema)
    if text is not None:
        again = parse_yaml(dump_yaml({"x": parse_field(text, schema)}), Path("x")).entries["x"]
        assert meaning(again, schema) == meaning(node, schema)


def meaning(node: Node, schema: dict[str, Any]) -> list[str] | None:
    """Return the values that a study's axis has; None if they are refused."""
    problems: list[Problem] = []
    content = {"name": "a", "version": "1", "command": ["a"], "parameters": {"x": schema}, "folder": Path()}
    axis = AxisReader(Application.model_validate(content), Path("x"), problems).axis("x", "x", node, distinct=False)
    return None if problems else [repr(choice.value) for choice in axis.choices] if isinstance(axis, Axis) else []


@given(st.text(max_size=50), st.sampled_from([INTEGER, NUMBER, STRING, MAYBE, ARRAY]))
def test_whatever_is_typed_can_be_written(text: str, schema: dict[str, Any]) -> None:
    found = parse_field(text, schema)
    if not (isinstance(found, float) and not math.isfinite(found)):
        assert parse_yaml(Draft.of("").updated({}, {"x": found}) or "{}", Path("x")).plain() is not None


STUDY = """
study: sweep
title: "On: off"
application: toy
parameters:
  value: [1, 2]
  zip: [{size: [3, 4]}, {seconds: [0, 0.5]}]
derive: {runtime: "30 + value"}
exclude:
  - {value: 1, size: 3}
  - "value > 5"
repeat: 2
measure: shared
"""


def test_a_form_that_nobody_touched_is_the_same_study() -> None:
    draft = Draft.of(STUDY)
    assert is_same_study(draft.updated({}, {}), STUDY)
    assert draft.hidden_keys == ["derive", "zip"]
    assert draft.repeat == 2
    assert draft.exclude_text == '{"value": 1, "size": 3}\nvalue > 5'
    assert list(draft.axes) == ["value"]


def test_a_form_changes_what_was_changed_and_nothing_else() -> None:
    written = Draft.of(STUDY).updated({"study": "other", "repeat": None}, {"value": None, "note": "a, b"})
    before, after = parse_yaml(STUDY, Path("x")).plain(), parse_yaml(written, Path("x")).plain()
    parameters = {"zip": before["parameters"]["zip"], "note": "a, b"}
    del before["repeat"]
    assert after == before | {"study": "other", "parameters": parameters}


def test_lines_exclude_what_the_study_excluded() -> None:
    draft = Draft.of(STUDY)
    assert parse_exclusions(draft.exclude_text or "") == draft.node.entries["exclude"].plain()


@pytest.mark.parametrize(
    "text", ["", "[1]", "just a text", "null", "study: [1]\nrepeat: -3\nparameters: 7\nexclude: 1"]
)
def test_what_is_no_study_is_an_empty_form(text: str) -> None:
    draft = Draft.of(text)
    assert (draft.text_of("study"), draft.repeat, draft.axes, draft.hidden_keys) == ("", 1, {}, [])


def test_another_application_takes_its_own_parameters_alone() -> None:
    cloudmask = load_application(find_applications(ROOT)["cloudmask"])
    kept = Draft.of("application: toy\nparameters: {value: 1, seed: 3, gpu: a100}").for_application(cloudmask)
    assert list(kept.axes) == ["seed", "gpu"]


def test_a_study_that_a_form_wrote_is_planned_as_before() -> None:
    once = check_text(PLACE, STUDY)
    again = check_text(PLACE, Draft.of(STUDY).updated({}, {"value": parse_field("1, 2", NUMBER)}))
    assert [point.id for point in again] == [point.id for point in once]
