"""Every color can be chosen, and every text can still be read."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairmesh.site.colors import contrast, ink, readable, style_sheet
from fairmesh.study.website import Website

COLORS = st.from_regex(r"#(?:[0-9a-f]{3}){1,2}", fullmatch=True)


@given(COLORS, COLORS)
def test_any_color_can_be_read_on_any_background(color: str, background: str) -> None:
    assert contrast(ink(background), background) >= 4.5
    shown = readable(color, background)
    assert contrast(shown, background) >= 4.5 or shown == ink(background)


@pytest.mark.parametrize(("website", "names"), [({}, 0), ({"color": "#ff0"}, 6), ({"accent": "#b34700"}, 2)])
def test_a_style_sheet_has_the_rules_of_both_schemes(website: dict[str, str], names: int) -> None:
    assert len(re.findall(r"--md-[\w-]+: #\w+;", style_sheet(Website(**website)))) == 2 * names
