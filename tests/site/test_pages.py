"""Text of a user's making stays text in Markdown, in HTML, in attributes and in chart data."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import markdown
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairmesh.site.escaping import compact_json, escape, linked, script_json
from fairmesh.site.pages import build_environment

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "[x](javascript:alert(1))",
    "a|b|c",
    "`code` **bold** _it_ ~~no~~",
    "line\n\n# heading\n- item\n    code",
    "{{7*7}} {% raw %} {: .class #id }",
    "</script><script>alert(1)</script>",
    "&lt;b&gt; &amp; &#60;",
    '" onmouseover="alert(1)',
    "1. first",
    "right \u202eot left",
    "--- === ![x](y) <http://a.b> :smile: \\* \x02stash\x03",
]


class Page(HTMLParser):
    """Collects the elements, attributes and text of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: list[str | None] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.values += [value for _, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def rendered(source: str) -> Page:
    return Page(markdown.markdown(source, extensions=["admonition", "attr_list", "tables", "pymdownx.superfences"]))


def plain(text: str) -> str:
    return "".join(c if c.isprintable() or c in "\r\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


TEXTS = st.text(st.characters(exclude_categories=("Cs", "Co", "Cn", "Cf", "Zs", "Zl", "Zp"), include_characters=" "))


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_in_a_paragraph(text: str) -> None:
    page = rendered(f"before {escape(text)} after")
    assert page.tags == ["p"]
    assert page.text.split() == ["before", *plain(text).split(), "after"]


@given(TEXTS)
@example("\n")
def test_any_text_is_text_in_a_heading_a_cell_and_an_attribute(text: str) -> None:
    shown = escape(text)
    heading = rendered(f"# x {shown} x")
    assert heading.tags == ["h1"]
    assert heading.text.split() == ["x", *plain(text).split(), "x"]
    cell = rendered(f'<table><tr><td title="{shown}">{shown}</td></tr></table>')
    assert cell.tags == ["table", "tr", "td"]
    assert cell.text.strip("\r\n ") == plain(text).strip("\r\n ")
    assert cell.values == [plain(text)]


def test_ordinary_text_stays_readable() -> None:
    assert escape("Accuracy 0.91 with learning-rate 1e-3, 50%") == "Accuracy 0.91 with learning-rate 1e-3, 50%"


def test_addresses_become_links_and_nothing_else_does() -> None:
    text = 'https://doi.org/10.1/x_4. javascript:x http://a.b <a href=y> https://q/"><img>'
    page = rendered(f"see {linked(text)}")
    assert page.tags == ["p", "a", "a"]
    assert page.values == ["https://doi.org/10.1/x_4", "https://q/"]


def test_templates_escape_all_that_they_print() -> None:
    template = build_environment().from_string(
        '{% macro m(x) %}<b>{{ x }}</b>{% endmacro %}{{ m(a) }}{{ a ~ a }}{{ b|join("|") }}'
    )
    assert template.render(a="<", b=["*", "_"]) == "<b>&#60;</b>&#60;&#60;&#42;&#124;&#95;"


@given(st.recursive(TEXTS | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=5))
@example("</script><!--<script>&")
def test_chart_data_cannot_leave_its_script(value: object) -> None:
    text = script_json(value)
    assert not set("<>&") & set(text)
    assert json.loads(text) == json.loads(compact_json(value))
