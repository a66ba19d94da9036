"""YAML 1.2: what scalars mean, where mistakes stand, and writing that every parser reads alike."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fairmesh import yaml12
from fairmesh.errors import InputError, Problem

SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], yaml12.Node]:
    monkeypatch.chdir(tmp_path)

    def of(text: str) -> yaml12.Node:
        (tmp_path / "a.yaml").write_text(text)
        return yaml12.load(tmp_path / "a.yaml")

    return of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, text) for text in ("on", "no", "yes", "off", "y", "12:00:00", "012", "-012", "1_000", "1.2.3")),
        *((text, text) for text in ("2026-01-01", "0b1", "nUll", "tRue", "0o8", "0x", ".", "-", "+", "1e", "٣")),
        *((text, None) for text in ("", "~", "null", "Null", "NULL")),
        ("TRUE", True),
        ("False", False),
        ("0", 0),
        ("+12", 12),
        ("-7", -7),
        ("0x1F", 31),
        ("0o17", 15),
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        (".5", 0.5),
        ("1.", 1.0),
        (".inf", math.inf),
        ("-.INF", -math.inf),
    ],
)
def test_plain_scalars_mean_what_yaml_1_2_says(text: str, value: object) -> None:
    assert (yaml12.resolve(text), type(yaml12.resolve(text))) == (value, type(value))


def test_not_a_number_is_one() -> None:
    assert math.isnan(yaml12.resolve(".nan"))  # type: ignore[arg-type]


def test_nodes_know_their_places(load: Callable[[str], yaml12.Node]) -> None:
    node = load("a: 1\nb:\n  - 1.0\n  - '2'\n")
    first, second = node.entries["b"].members
    assert node.keys == {"a": (1, 1), "b": (2, 1)}
    assert (first.line, first.column, first.text, first.value) == (3, 5, "1.0", 1.0)
    assert (second.text, second.value) == (None, "2")
    assert node.plain() == {"a": 1, "b": [1.0, "2"]}


def test_tags_of_the_core_are_understood(load: Callable[[str], yaml12.Node]) -> None:
    node = load("[!!int '3', !!float 3, !!str 3, !!seq [], !!map {}, !!bool true, !!null null]")
    assert repr(node.plain()) == "[3, 3.0, '3', [], {}, True, None]"


def test_anchors_are_expanded(load: Callable[[str], yaml12.Node]) -> None:
    assert load("a: &x [1]\nb: *x").plain() == {"a": [1], "b": [1]}


BOMB = "a: &a [1,1,1,1,1,1,1,1]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "a.yaml: is empty"),
        ("# nothing\n", "a.yaml: is empty"),
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3:1: the key 'a' is here twice, first in line 1"),
        ("1: a", "a.yaml:1:1: a key must be a text, which '1' is not: put quotes around it"),
        ("a:\n\tb: 1", "a.yaml:2:1: not YAML: a tab indents this line; use spaces"),
        ("a: b: c", "a.yaml:1:5: not YAML: a ': ' inside a plain text, or a wrong indent; quotes help"),
        ("a: @b", "a.yaml:1:4: not YAML: a plain text cannot begin with this character; quotes help"),
        ("a: 'b", "a.yaml:1:6: not YAML: found unexpected end of stream while scanning a quoted scalar"),
        ("a: 1\n---\nb: 1", "a.yaml:2:1: a second document begins here; only one is read"),
        ("a: *b", "a.yaml:1:4: no anchor &b stands before *b"),
        ("a: &a [*a]", "a.yaml:1:8: the anchor &a contains itself"),
        (BOMB, "a.yaml:6:8: anchors expand to more than 100000 values"),
        ("[" * 100_000, "a.yaml:1:102: nested more than 100 deep"),
        ("a: 1e999", "a.yaml:1:4: the number 1e999 is too large"),
        ("a: " + "9" * 5000, "a.yaml:1:4: a number of too many digits"),
        ("a: \x01", "a.yaml:1:4: not YAML: a control character"),
        (
            "a: !!python/name:os.system x",
            (
                "a.yaml:1:4: the tag '!!python/name:os.system' does not go with 'x'"
                " (allowed: !!str, !!int, !!float, !!bool, !!null, !!seq, !!map)"
            ),
        ),
        (
            "a: !own [1]",
            (
                "a.yaml:1:4: the tag '!own' is not of YAML's core"
                " (allowed: !!str, !!int, !!float, !!bool, !!null, !!seq, !!map)"
            ),
        ),
    ],
)
def test_mistakes_are_one_line_with_their_place(load: Callable[[str], yaml12.Node], text: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        load(text)
    assert str(caught.value) == line


@given(st.text())
def test_no_text_gives_a_traceback(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, newline="")
    with contextlib.suppress(InputError):
        yaml12.load(path)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
    for path, message in (
        (tmp_path / "none.yaml", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "latin.yaml", "is not UTF-8: byte 4"),
        (Path("a\0b"), "cannot be read: embedded null byte"),
    ):
        with pytest.raises(InputError) as caught:
            yaml12.load(path)
        assert caught.value.problems[0].message == message


def test_a_caller_may_collect_duplicates_with_its_own_problems(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\na: 2")
    problems: list[Problem] = []
    assert yaml12.load(tmp_path / "a.yaml", problems).plain() == {"a": 1}
    assert len(problems) == 1


@given(VALUES)
def test_what_is_written_is_read_back_by_yaml_1_1_and_1_2(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    text = yaml12.dump(value)
    path.write_text(text, newline="")
    # repr tells 1 from 1.0 and from True
    assert repr(yaml.safe_load(text)) == repr(value)
    assert repr(yaml12.load(path).plain()) == repr(value)


@pytest.mark.parametrize("text", ["on", "1e-3", "012", "12:30", "2026-01-01", "~", "", " a", "a: b", "#", "1_0"])
def test_texts_that_look_like_something_else_are_quoted(text: str) -> None:
    assert yaml12.dump([text]) == f'- "{text}"\n'


def test_a_long_key_is_read_back() -> None:
    assert yaml.safe_load(yaml12.dump({"k" * 2000: {"a": 1}})) == {"k" * 2000: {"a": 1}}


def test_only_what_yaml_knows_is_written() -> None:
    with pytest.raises(TypeError, match="YAML's core has no set"):
        yaml12.dump({"a": {1}})
