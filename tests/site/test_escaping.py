"""Text of programs and studies on pages and in charts."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.site.escaping import compact_json, safe_text

TEXTS = st.text(st.characters(exclude_categories=[]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=10,
)


@given(TEXTS)
def test_a_plain_text_has_no_control_characters_and_is_utf_8(text: str) -> None:
    found = safe_text(text)
    assert {character for character in found if unicodedata.category(character) in {"Cc", "Cs"}} <= set("\t\n\r")
    assert found.encode().decode() == found


@pytest.mark.parametrize("ascii_only", [True, False])
@given(value=VALUES)
def test_the_same_holds_of_all_texts_in_json(value: Any, ascii_only: bool) -> None:
    text = compact_json(value, ascii_only=ascii_only)
    assert text.encode()
    assert text.isascii() or not ascii_only
    assert json.loads(text) == _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {safe_text(key): _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(member) for member in value]
    return safe_text(value) if isinstance(value, str) else value
