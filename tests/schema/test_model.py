"""Models of files: every mistake in plain words, with its place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from fairmesh.errors import InputError
from fairmesh.schema import load_yaml
from fairmesh.schema.model import Identifier, Model, SafeName, Text, load_model


class Part(Model):
    """A part of the file."""

    size: Annotated[float, Field(gt=0, le=10)] | None = None
    on: bool = False


class File(Model):
    """A file of all kinds of keys."""

    name: SafeName
    title: Text = "none"
    repeat: Annotated[int, Field(ge=1)] = 1
    kind: Literal["exclusive", "shared"] = "shared"
    parts: dict[Identifier, Part] = Field(default_factory=dict)
    texts: Annotated[list[Text], Field(min_length=1)] | None = None


def read(folder: Path, text: str) -> File:
    path = folder / "a.yaml"
    path.write_text(text)
    return load_model(File, load_yaml(path), "a.yaml")


def test_a_plain_scalar_given_to_a_text_is_its_source_text(tmp_path: Path) -> None:
    content = read(tmp_path, "name: 1.10\ntitle: 1e-3\ntexts: [on, true, 0x1F, 'q']\n")
    assert (content.name, content.title, content.texts) == ("1.10", "1e-3", ["on", "true", "0x1F", "q"])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("repeat: x", "a.yaml:2:9: 'repeat' must be a whole number of at least 1, not 'x'"),
        ("repeat: 0", "a.yaml:2:9: 'repeat' must be a whole number of at least 1, not 0"),
        ("repeat: 2.0", "a.yaml:2:9: 'repeat' must be a whole number of at least 1, not 2.0"),
        ("repeat: true", "a.yaml:2:9: 'repeat' must be a whole number of at least 1, not true"),
        ("repeat:", "a.yaml:2:8: 'repeat' must be a whole number of at least 1, not null"),
        ("repeat: [1]", "a.yaml:2:9: 'repeat' must be a whole number of at least 1, not a list"),
        (
            "kind: share",
            "a.yaml:2:7: 'kind' must be 'exclusive' or 'shared', not 'share'; did you mean 'shared'?",
        ),
        ("title: ''", "a.yaml:2:8: 'title' must be a non-empty text, not ''"),
        ("title: ~", "a.yaml:2:8: 'title' must be a non-empty text, not null"),
        ("title: {a: 1}", "a.yaml:2:8: 'title' must be a non-empty text, not a map"),
        ("parts: 3", "a.yaml:2:8: 'parts' must be a map, not 3"),
        ("parts: {a: 3}", "a.yaml:2:12: 'parts.a' must be a map, not 3"),
        (
            "parts: {a: {size: 0}}",
            "a.yaml:2:19: 'parts.a.size' must be a number above 0 and at most 10, not 0",
        ),
        ("parts: {a: {on: yes}}", "a.yaml:2:17: 'parts.a.on' must be true or false, not 'yes'"),
        (
            "parts: {a: {sise: 1}}",
            "a.yaml:2:13: unknown key 'parts.a.sise'; did you mean 'size'? (allowed: size, on)",
        ),
        (
            "parts: {a-b: {}}",
            "a.yaml:2:9: 'parts.a-b' must be a name of at most 100 letters, digits and '_' that begins with a letter",
        ),
        ("texts: []", "a.yaml:2:8: 'texts' must be a non-empty list, not a list"),
        ("texts: [a, [b]]", "a.yaml:2:12: 'texts[1]' must be a non-empty text, not a list"),
    ],
)
def test_a_mistake_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, f"name: a\n{text}")
    assert str(caught.value) == line


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, "repeat: x\nkind: 3\nnam: a\n")
    assert str(caught.value).splitlines() == [
        "a.yaml:1:1: 'name' is missing",
        "a.yaml:1:9: 'repeat' must be a whole number of at least 1, not 'x'",
        "a.yaml:2:7: 'kind' must be 'exclusive' or 'shared', not 3",
        ("a.yaml:3:1: unknown key 'nam'; did you mean 'name'? (allowed: name, title, repeat, kind, parts, texts)"),
    ]


@pytest.mark.parametrize("name", ["../a", "a/b", ".a", "-a", "a b", "a\n", "a" * 101, "é", "a,b"])
def test_unsafe_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="'name' must be a name of at most 100 letters"):
        read(tmp_path, f"name: {name!r}".replace("'", '"'))


def test_a_file_must_be_a_map(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.yaml:1:1: the file must be a map, not a list"):
        read(tmp_path, "- a")
