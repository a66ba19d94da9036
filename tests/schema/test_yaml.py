"""YAML 1.2: what scalars mean, where mistakes stand, and writing that every parser reads alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from fairmesh import schema
from fairmesh.errors import InputError, Problem

SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], schema.Node]:
    monkeypatch.chdir(tmp_path)

    def of(text: str) -> schema.Node:
        (tmp_path / "a.yaml").write_text(text)
        return schema.load_yaml(tmp_path / "a.yaml")

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
    assert (schema.resolve_scalar(text), type(schema.resolve_scalar(text))) == (value, type(value))


def test_not_a_number_is_one() -> None:
    assert math.isnan(schema.resolve_scalar(".nan"))  # type: ignore[arg-type]


def test_nodes_know_their_places(load: Callable[[str], schema.Node]) -> None:
    node = load("a: 1\nb:\n  - 1.0\n  - '2'\n")
    first, second = node.entries["b"].members
    assert node.keys == {"a": (1, 1), "b": (2, 1)}
    assert (first.line, first.column, first.text, first.value) == (3, 5, "1.0", 1.0)
    assert (second.text, second.value) == (None, "2")
    assert node.plain() == {"a": 1, "b": [1.0, "2"]}


def test_tags_of_the_core_are_understood(load: Callable[[str], schema.Node]) -> None:
    node = load("[!!int '3', !!float 3, !!str 3, !!seq [], !!map {}, !!bool true, !!null null]")
    assert repr(node.plain()) == "[3, 3.0, '3', [], {}, True, None]"


def test_anchors_are_expanded(load: Callable[[str], schema.Node]) -> None:
    assert load("a: &x [1]\nb: *x").plain() == {"a": [1], "b": [1]}


BOMB = "a: &a [1,1,1,1,1,1,1,1]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefg", "bcdefgh", strict=True)
)


MERGE = "'<<' merges maps in YAML 1.1 only; this is YAML 1.2: write the entries out"


OPEN = "; a bracket or quote may be open, or the indentation wrong"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "a.yaml: is empty"),
        ("# nothing\n", "a.yaml: is empty"),
        ("a: 1\nb: 2\na: 3\n", "a.yaml:3:1: the key 'a' appears twice, first in line 1"),
        ("1: a", "a.yaml:1:1: a key must be a text, not '1': put quotes around it"),
        ("a:\n\tb: 1", "a.yaml:2:1: not YAML: a tab indents this line; use spaces"),
        ("a: b: c", "a.yaml:1:5: not YAML: a ': ' inside a plain text, or a wrong indent; quotes help"),
        ("a: @b", "a.yaml:1:4: not YAML: a plain text cannot begin with this character; quotes help"),
        ("a: 'b", f"a.yaml:1:6: not YAML: found unexpected end of stream while scanning a quoted scalar{OPEN}"),
        ("a: [1\nb: 2", f"a.yaml:2:2: not YAML: did not find expected ',' or ']' while parsing a flow sequence{OPEN}"),
        ("a: 1\n---\nb: 1", "a.yaml:2:1: a second document begins here; only one is read"),
        ("a: *b", "a.yaml:1:4: no anchor &b stands before *b"),
        ("a: &a [*a]", "a.yaml:1:8: the anchor &a contains itself"),
        (BOMB, "a.yaml:6:8: anchors expand to more than 100000 values"),
        ("[" * 100_000, "a.yaml:1:102: nested more than 100 deep"),
        ("a: 1e999", "a.yaml:1:4: the number 1e999 is too large"),
        ("a: " + "9" * 5000, "a.yaml:1:4: a number of too many digits"),
        ("a: \x01", "a.yaml:1:4: not YAML: a control character"),
        ("a: \0", "a.yaml:1:4: not YAML: a null character; is it UTF-16?"),
        ('a: "C:\\data"', "a.yaml:1:7: not YAML: in double quotes a backslash begins an escape; single quotes keep it"),
        ("a: *.txt", "a.yaml:1:5: not YAML: a text that begins with * or & needs quotes"),
        ("a:1\nb: 2", "a.yaml:1:3: not YAML: no space after 'a:': the next line cannot follow"),
        ("a: {{ b }}", "a.yaml:1:5: a key must be a text, not a text with braces: put quotes around it"),
        ("a: &x {b: 1}\nc:\n  <<: *x", f"a.yaml:3:3: {MERGE}"),
        (
            "a: !!python/name:os.system x",
            (
                "a.yaml:1:4: the tag '!!python/name:os.system' does not fit 'x'"
                " (allowed: !!str, !!int, !!float, !!bool, !!null, !!seq, !!map)"
            ),
        ),
        (
            "a: !own [1]",
            (
                "a.yaml:1:4: the tag '!own' is not a tag of YAML's core schema"
                " (allowed: !!str, !!int, !!float, !!bool, !!null, !!seq, !!map)"
            ),
        ),
    ],
)
def test_mistakes_are_one_line_with_their_place(load: Callable[[str], schema.Node], text: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        load(text)
    assert str(caught.value) == line


NBSP, ZWSP, BOM = "\xa0", "\u200b", "\ufeff"


@pytest.mark.parametrize(
    ("text", "place", "name"),
    [
        *((f"a:\n{sign} b: 1\n  c: 2", "2:1", "SPACE") for sign in (NBSP, "\u3000", "\u2002", "\u202f")),
        (f"a:\n{NBSP * 2}b: 1\n", "2:1", "NO-BREAK SPACE"),
        (f"a:\n  b: 1\n {NBSP}c: 2", "3:2", "NO-BREAK SPACE"),
        (f"a:\n  - x\n {NBSP}- y", "3:2", "NO-BREAK SPACE"),
        (f"a:\r\n  -{NBSP}x\r\n", "2:4", "NO-BREAK SPACE"),
        (f"a:{NBSP}1\nb: 2", "1:3", "NO-BREAK SPACE"),
        (f"a: 1{NBSP}# a comment", "1:5", "NO-BREAK SPACE"),
        (f"a: x\n  y{NBSP}\nb: 1", "2:4", "NO-BREAK SPACE"),
        (f"a{ZWSP}: 1", "1:2", "ZERO WIDTH SPACE"),
        (f"a: x\n  y {ZWSP}z\nb: 1", "2:5", "ZERO WIDTH SPACE"),
        (f"a: 1\n{BOM}b: 2", "2:1", "BYTE ORDER MARK"),
        (f"a: x{BOM}", "1:5", "BYTE ORDER MARK"),
        ("a: x\u202ey", "1:5", "RIGHT-TO-LEFT OVERRIDE"),
        ("a: \u201cx\u201d", "1:4", "LEFT DOUBLE QUOTATION MARK"),
        ("a: [\u201c1,2\u201d]", "1:5", "LEFT DOUBLE QUOTATION MARK"),
        ("a: [\u2018x, y\u2019, 'z]", "1:5", "LEFT SINGLE QUOTATION MARK"),
        ("a:\n  b\uff1a 1", "2:4", "FULLWIDTH COLON"),
        ("a: 1\nb\uff1a 2\nc: 3", "2:2", "FULLWIDTH COLON"),
        ("a: [1\uff0c 2\nb: 1", "1:6", "FULLWIDTH COMMA"),
        ("a: \u22121e-3", "1:4", "MINUS SIGN"),
        ("a: 1e\u20133", "1:6", "EN DASH"),
        ("a: \uff11", "1:4", "FULLWIDTH DIGIT ONE"),
        ("a:\n  \u2013 x", "2:3", "EN DASH"),
        ("a:\n  \u2022 x", "2:3", "BULLET"),
        ("a: x\u2028b: 2", "1:5", "LINE SEPARATOR"),
        ("# a\x85b: 2", "1:4", "NEXT LINE"),
    ],
)
def test_a_character_that_looks_like_another_is_named_at_its_place(
    load: Callable[[str], schema.Node], text: str, place: str, name: str
) -> None:
    with pytest.raises(InputError) as caught:
        load(text)
    first = caught.value.problems[0]
    assert (first.where, name in first.message) == (f"a.yaml:{place}", True), str(first)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "5\xa0kg",
            "l\u2019\xe9t\xe9",
            "A \u2013 B",
            "\u300c\u4e91\u300d\uff1a\u57fa",
            "x\uff1ay",
            "\u2212",
            "\u0663",
        ),
        *("\U0001f469\u200d\U0001f52c", "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627", "10\xb2"),
    ],
)
def test_characters_of_other_scripts_are_texts(load: Callable[[str], schema.Node], text: str) -> None:
    assert load(f"a: {text}").plain() == {"a": text}


@pytest.mark.parametrize("text", [f"{NBSP}x{ZWSP}", "\u201cx\u201d", "\u22121", f"x {BOM}"])
def test_quotes_keep_every_character(load: Callable[[str], schema.Node], text: str) -> None:
    assert load(f"'{text}': \"{text}\"").plain() == {text: text}


def test_what_stands_in_quotes_and_comments_is_not_blamed_for_another_mistake(
    load: Callable[[str], schema.Node],
) -> None:
    for text in ('a: "A \u2013: \u201cB\u201d"\n  b: x', "a: x  # \u201cB\u201d\n  b: x"):
        with pytest.raises(InputError, match=r"^a\.yaml:2:3: not YAML: did not find expected key"):
            load(text)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a: 1\n".encode("utf-16"), "a.yaml: is UTF-16, not UTF-8; save the file as UTF-8"),
        ("a: 1\n".encode("utf-32"), "a.yaml: is UTF-32, not UTF-8; save the file as UTF-8"),
        (b"a: 1\r\nb: gr\xfcn", "a.yaml:2:6: is not UTF-8: byte 0xfc; save the file as UTF-8"),
    ],
)
def test_a_file_of_another_encoding_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_bytes(content)
    with pytest.raises(InputError) as caught:
        schema.load_yaml(Path("a.yaml"))
    assert str(caught.value) == message


@given(st.text())
@example("? é")  # the value of the key is empty and stands behind the last line
def test_no_text_gives_a_traceback(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, newline="")
    try:
        schema.load_yaml(path)
    except InputError as error:
        lines = str(error).splitlines()
        assert lines
        assert all("any.yaml:" in line for line in lines)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes(b"a: \xff")
    for path, message in (
        (tmp_path / "none.yaml", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "latin.yaml", "is not UTF-8: byte 0xff; save the file as UTF-8"),
        (Path("a\0b"), "cannot be read: embedded null byte"),
    ):
        with pytest.raises(InputError) as caught:
            schema.load_yaml(path)
        assert caught.value.problems[0].message == message


def test_a_caller_may_collect_duplicates_with_its_own_problems(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\na: 2")
    problems: list[Problem] = []
    assert schema.load_yaml(tmp_path / "a.yaml", problems).plain() == {"a": 1}
    assert len(problems) == 1


@given(VALUES)
def test_what_is_written_is_read_back_by_yaml_1_1_and_1_2(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    text = schema.dump_yaml(value)
    path.write_text(text, newline="")
    # repr tells 1 from 1.0 and from True
    assert repr(yaml.safe_load(text)) == repr(value)
    assert repr(schema.load_yaml(path).plain()) == repr(value)


@pytest.mark.parametrize("text", ["on", "1e-3", "012", "12:30", "2026-01-01", "~", "", " a", "a: b", "#", "1_0"])
def test_texts_that_look_like_something_else_are_quoted(text: str) -> None:
    assert schema.dump_yaml([text]) == f'- "{text}"\n'


def test_a_long_key_is_read_back() -> None:
    assert yaml.safe_load(schema.dump_yaml({"k" * 2000: {"a": 1}})) == {"k" * 2000: {"a": 1}}


def test_only_what_yaml_knows_is_written() -> None:
    with pytest.raises(TypeError, match="YAML's core has no set"):
        schema.dump_yaml({"a": {1}})
