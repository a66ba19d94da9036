"""Charts as Vega-Lite specifications with their data; what a user named is a title or a value, never a field."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

# Okabe and Ito (2008), Color Universal Design: told apart with every common colour vision, on light and on dark.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
_HEIGHT = 260
_ROW_HEIGHT, _HIGHEST = 19, 900
_STATIC_WIDTH = 620
_MARKED = 500  # values; the lines of more are drawn without a point for each
_LETTERS = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titleLimit": _HEIGHT}
_CONFIG = {
    "background": "transparent",
    "font": "Helvetica, Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {**_LETTERS, "gridOpacity": 0.5},
    "legend": {**_LETTERS, "orient": "top"},
    "mark": {"color": PALETTE[0]},
    "rule": {"color": PALETTE[0]},
    "range": {"category": list(PALETTE)},
    "line": {"strokeWidth": 2},
}

# Stands in for the rows, which Altair would check one by one: 20 ms a chart.
_DATA = alt.NamedData("rows")
_IS_BEST = alt.FieldEqualPredicate(field="best", equal=True)

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
    """

    title: str
    description: str
    spec: dict[str, Any]

    def svg(self) -> str:
        """Draw the chart without a browser."""
        spec = copy.copy(self.spec)
        spec |= {"width": _STATIC_WIDTH, "config": {**_CONFIG, "background": "white"}}
        return str(vl_convert.vegalite_to_svg(spec))


def learning_curves(title: str, rows: Rows, best: str) -> Chart:
    """Draw a metric by epoch: one line a point and split, those of the best point strong.

    Parameters
    ----------
    rows : sequence of dict
        ``epoch``, ``value``, ``split`` (training or validation) and ``point``, the name of the parameter point.
    best : str
        The name of the best point.
    """
    base = alt.Chart(_DATA).encode(
        x=alt.X("epoch:Q", title="Epoch", axis=alt.Axis(tickMinStep=1, grid=False)),
        y=alt.Y("value:Q", title=title, scale=alt.Scale(zero=False)),
        color=alt.Color("split:N", title=None, scale=alt.Scale(domain=["training", "validation"])),
        detail="point:N",
        tooltip=[_tip("point:N", "point"), _tip("split:N", "split"), _tip("epoch:Q", "epoch"), _tip("value:Q", title)],
    )
    chart = base.mark_line(point=_markers(rows)).encode(
        opacity=alt.condition(_IS_BEST, alt.value(1), alt.value(0.3)),
        strokeWidth=alt.condition(_IS_BEST, alt.value(3), alt.value(1.5)),
    )
    described = f"One line for each parameter point and split; the best point, {best}, is drawn strong."
    return _chart(f"{title} by epoch", described, chart, _marked(rows, best))


def by_parameter(parameter: str, title: str, label: str, rows: Rows, others: str) -> Chart:
    """Draw a quantity by a parameter: a point for every group with mean and, for repeats, mean ± sd.

    Parameters
    ----------
    parameter : str
        Title of the horizontal axis.
    rows : sequence of dict
        ``x``, ``mean``, ``low``, ``high``, ``n``, ``series`` (the other parameters in words) and ``point``.
    others : str
        What the colours stand for; empty if there are no colours.
    """
    numeric = all(isinstance(row["x"], int | float) and not isinstance(row["x"], bool) for row in rows)
    distinct = sorted({row["x"] for row in rows}) if numeric else []
    wide = len(distinct) > 2 and distinct[0] > 0 and distinct[-1] / distinct[0] > 50
    scale = alt.Scale(type="log") if wide else alt.Scale(zero=False, padding=18)
    ticks = alt.Axis(values=distinct if len(distinct) <= 8 else alt.Undefined, grid=False)
    x = alt.X("x:Q", title=parameter, scale=scale, axis=ticks) if numeric else _named(parameter)
    base = alt.Chart(_DATA).encode(x=x, detail="series:N")
    if others:
        base = base.encode(color=alt.Color("series:N", title=others))
    spread = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=label), y2="high:Q")
    line = base.mark_line(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("mean:Q", title=label))
    points = base.mark_point(filled=True, size=70, opacity=1).encode(
        y=alt.Y("mean:Q", title=label, scale=alt.Scale(zero=False)),
        tooltip=[
            _tip("point:N", "point"),
            _tip("mean:Q", label),
            _tip("n:Q", "n"),
            _tip("low:Q", "mean - sd"),
            _tip("high:Q", "mean + sd"),
        ],
    )
    layers = [spread, line, points] if numeric and len(rows) > 1 else [spread, points]
    repeated = any(row["n"] > 1 for row in rows)
    described = "Mean of the repeats, with one sample standard deviation to either side."
    described = described if repeated else "One result for each point."
    return _chart(f"{title} by {parameter}", described, alt.layer(*layers), rows)


def by_item(title: str, item: str, label: str, rows: Rows, point: str) -> Chart:
    """Draw a table's value for each of its items (``item``, ``value``), at the best parameter point."""
    chart = (
        alt.Chart(_DATA)
        .mark_point(filled=True, size=60, opacity=1)
        .encode(
            x=alt.X("value:Q", title=label, axis=alt.Axis(tickCount=5), scale=alt.Scale(zero=False)),
            y=alt.Y("item:N", title=item, sort=None, axis=alt.Axis(grid=True, labelLimit=150, labelOverlap=True)),
            tooltip=[_tip("item:N", item), _tip("value:Q", label)],
        )
    )
    height = min(max(len(rows), 4) * _ROW_HEIGHT, _HIGHEST)
    return _chart(title, f"At the best point, {point}; mean of the repeats.", chart, rows, height)


def curves(title: str, x: str, label: str, rows: Rows, best: str) -> Chart:
    """Draw a table whose items are numbers: one line a point (``x``, ``value``, ``point``), the best point strong."""
    chart = (
        alt.Chart(_DATA)
        .mark_line(point=_markers(rows))
        .encode(
            x=alt.X("x:Q", title=x, axis=alt.Axis(grid=False)),
            y=alt.Y("value:Q", title=label, scale=alt.Scale(zero=False)),
            detail="point:N",
            order="x:Q",
            opacity=alt.condition(_IS_BEST, alt.value(1), alt.value(0.3)),
            tooltip=[_tip("point:N", "point"), _tip("x:Q", x), _tip("value:Q", label)],
        )
    )
    return _chart(
        title,
        f"One line for each point, mean of the repeats; the best, {best}, is drawn strong.",
        chart,
        _marked(rows, best),
    )


def spectrum(title: str, label: str, rows: Rows, best: str) -> Chart:
    """Draw a table's values sorted, one line a point (``rank``, ``value``, ``point``), the best point strong."""
    chart = (
        alt.Chart(_DATA)
        .mark_line(point=_markers(rows))
        .encode(
            x=alt.X("rank:Q", title="Rank", axis=alt.Axis(tickMinStep=1, grid=False), scale=alt.Scale(zero=False)),
            y=alt.Y("value:Q", title=label, scale=alt.Scale(zero=False)),
            detail="point:N",
            opacity=alt.condition(_IS_BEST, alt.value(1), alt.value(0.3)),
            tooltip=[_tip("point:N", "point"), _tip("rank:Q", "rank"), _tip("value:Q", label)],
        )
    )
    described = f"From the highest to the lowest value, one line for each point; the best, {best}, is drawn strong."
    return _chart(f"{title}, sorted", described, chart, _marked(rows, best))


def over_time(title: str, label: str, rows: Rows) -> Chart:
    """Draw telemetry over the seconds since the start (``seconds``, ``value``, ``device``)."""
    several = len({row["device"] for row in rows}) > 1
    chart = (
        alt.Chart(_DATA)
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X("seconds:Q", title="Time since start (s)", axis=alt.Axis(grid=False)),
            y=alt.Y("value:Q", title=label),
            color=alt.Color("device:N", title=None, legend=alt.Legend() if several else None),
        )
    )
    return _chart(title, "Sampled while the program ran; neighbouring samples are averaged.", chart, rows, height=180)


def _named(title: str) -> alt.X:
    return alt.X("x:N", title=title, sort=None, axis=alt.Axis(labelAngle=0, labelLimit=140))


def _marked(rows: Rows, best: str) -> Rows:
    return [{**row, "best": row["point"] == best} for row in rows]


def _markers(rows: Rows) -> dict[str, int] | bool:
    return {"size": 22} if len(rows) <= _MARKED else False


def _tip(shorthand: str, title: str) -> alt.Tooltip:
    # Vega's tooltip draws a picture from an entry named "image" and a heading from one named "title".
    safe = f"{title}:" if title in {"image", "title"} else title
    return alt.Tooltip(shorthand, title=safe, format=".4~g" if shorthand.endswith(":Q") else alt.Undefined)


def _chart(title: str, description: str, chart: alt.TopLevelMixin, rows: Rows, height: int = _HEIGHT) -> Chart:
    spec = _with_plain_titles(chart.properties(width="container", height=height).to_dict())
    spec |= {"config": _CONFIG, "data": {"values": rows}}
    return Chart(title, description, spec)


def _with_plain_titles(spec: Any) -> Any:
    """Give a specification whose titles have no line break and no backslash: Vega-Lite puts them into expressions."""
    if isinstance(spec, list):
        return [_with_plain_titles(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    plain = {key: _with_plain_titles(part) for key, part in spec.items()}
    if isinstance(title := plain.get("title"), str):
        plain["title"] = " ".join(title.replace("\\", "\N{FULLWIDTH REVERSE SOLIDUS}").split())
    return plain
