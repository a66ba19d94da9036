"""Charts as Vega-Lite specifications with their data; what a user named is a title or a value, never a field."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from fairmesh.site.plain import plain_text

# Okabe and Ito (2008), Color Universal Design: told apart with every common colour vision, on light and on dark.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
HEIGHT = 260
_STATIC_WIDTH = 620
_LETTERS = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titleLimit": HEIGHT}
# As many digits as a float has: by itself Vega rounds to the distance of the ticks, which one value does not have.
_NUMBERS = ",.15~g"
_CONFIG = {
    "background": "transparent",
    "font": "Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "numberFormat": _NUMBERS,
    "axis": {**_LETTERS, "gridOpacity": 0.5},
    "legend": {**_LETTERS, "orient": "top", "columns": 2, "labelLimit": 260},
    "mark": {"color": PALETTE[0]},
    "rule": {"color": PALETTE[0]},
    "range": {"category": list(PALETTE)},
    "line": {"strokeWidth": 2},
}

# Stands in for the rows, which Altair would check one by one: 20 ms a chart.
DATA = alt.NamedData("rows")

Row = dict[str, Any]
Rows = Sequence[Row]


@dataclass(frozen=True)
class Chart:
    """A chart with what a person who does not see it is told.

    Parameters
    ----------
    title, description : str
        The heading, and a sentence that says what is drawn.
    spec : dict
        The Vega-Lite specification.
    columns : mapping of str to str
        The fields of the rows that its table shows, with their headings.
    lines : tuple of str
        The points whose lines a reader chooses from the page's legend; empty where there is no choice.
    controls : dict
        What a reader can put on its axes, for a chart that the page's script fills from the leaderboard.
    """

    title: str
    description: str
    spec: dict[str, Any]
    columns: dict[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    controls: dict[str, Any] = field(default_factory=dict)

    @property
    def static(self) -> dict[str, Any]:
        """The specification of the picture for readers without a script; of many lines the first ones."""
        spec = copy.copy(self.spec)
        spec |= {"width": _STATIC_WIDTH, "config": {**_CONFIG, "background": "white"}}
        if self.lines:
            first = set(self.lines[: len(PALETTE)])
            spec["data"] = {"values": [row for row in spec["data"]["values"] if row["point"] in first]}
        return spec

    def to_json(self) -> dict[str, Any]:
        """Return what the page's script draws."""
        found = {"spec": self.spec, "columns": self.columns, "title": self.title}
        return found | {key: each for key, each in (("lines", self.lines), ("controls", self.controls)) if each}


def tip(shorthand: str, title: str) -> alt.Tooltip:
    """Return an entry of a tooltip, numbers with four digits."""
    # Vega's tooltip draws a picture from an entry named "image" and a heading from one named "title".
    safe = f"{title}:" if title in {"image", "title"} else title
    return alt.Tooltip(shorthand, title=safe, format=".4~g" if shorthand.endswith(":Q") else alt.Undefined)


def make(
    title: str, description: str, drawn: alt.TopLevelMixin, rows: Rows, height: int = HEIGHT, **about: Any
) -> Chart:
    """Make a chart of what Altair describes and the rows it draws."""
    return with_rows(title, description, specification(drawn, height), rows, **about)


def specification(drawn: alt.TopLevelMixin, height: int = HEIGHT) -> dict[str, Any]:
    """Return what Altair describes, still without its rows; it takes Altair 10 ms."""
    found: dict[str, Any] = _with_plain_titles(drawn.properties(width="container", height=height).to_dict())
    return found | {"config": _CONFIG}


def with_rows(title: str, description: str, spec: dict[str, Any], rows: Rows, **about: Any) -> Chart:
    """Make a chart of a specification and the rows it draws."""
    return Chart(title, description, spec | {"data": {"values": rows}}, **about)


def _with_plain_titles(spec: Any) -> Any:
    """Return a specification whose titles have no line break and no backslash: Vega-Lite puts them into expressions."""
    if isinstance(spec, list):
        return [_with_plain_titles(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    plain = {key: _with_plain_titles(part) for key, part in spec.items()}
    if isinstance(title := plain.get("title"), str):
        plain["title"] = " ".join(plain_text(title).replace("\\", "\N{FULLWIDTH REVERSE SOLIDUS}").split())
    return plain
