"""Charts as Vega-Lite specifications with their data; user-defined names are titles or values, never fields."""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import altair as alt

from fairmesh.site.escaping import safe_text

# Okabe and Ito (2008), Color Universal Design: distinct in every common color vision, on light and on dark.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
HEIGHT = 260
_STATIC_WIDTH = 620
_LETTERS = {"labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal", "titleLimit": HEIGHT}
# All digits of a float: by default Vega rounds to the distance of the ticks, which a single value does not have.
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

# A placeholder for the rows, which Altair would check one by one, 20 ms a chart.
DATA = alt.NamedData("rows")

Row = dict[str, Any]
Rows = Sequence[Row]


@dataclass(frozen=True)
class Chart:
    """A chart with its text alternative.

    Parameters
    ----------
    title, description : str
        The heading, and a sentence about what is drawn.
    spec : dict
        The Vega-Lite specification.
    columns : mapping of str to str
        The fields of the rows that its table shows, with their headings.
    lines : tuple of str
        The points whose lines readers choose from the page's legend; empty without a choice.
    controls : dict
        The columns that readers can put on its axes, for a chart that the page's script fills from the leaderboard.
    """

    title: str
    description: str
    spec: dict[str, Any]
    columns: dict[str, str] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    controls: dict[str, Any] = field(default_factory=dict)

    @property
    def static(self) -> dict[str, Any]:
        """The specification of the picture for readers without JavaScript; of many lines the first ones."""
        spec = copy.copy(self.spec)
        spec |= {"width": _STATIC_WIDTH, "config": {**_CONFIG, "background": "white"}}
        if self.lines:
            first = set(self.lines[: len(PALETTE)])
            spec["data"] = {"values": [row for row in spec["data"]["values"] if row["point"] in first]}
        return spec

    def to_json(self) -> dict[str, Any]:
        """Return the chart for the page's script."""
        optional = {"lines": self.lines, "controls": self.controls}
        given = {key: value for key, value in optional.items() if value}
        return {"spec": self.spec, "columns": self.columns, "title": self.title, **given}


def tooltip(shorthand: str, title: str) -> alt.Tooltip:
    """Return an entry of a tooltip, numbers with four digits."""
    # Vega's tooltip draws a picture from an entry named "image" and a heading from one named "title".
    safe = f"{title}:" if title in {"image", "title"} else title
    return alt.Tooltip(shorthand, title=safe, format=".4~g" if shorthand.endswith(":Q") else alt.Undefined)


def make_chart(
    title: str, description: str, drawn: alt.TopLevelMixin, rows: Rows, height: int = HEIGHT, **options: Any
) -> Chart:
    """Return a chart from its description in Altair and its rows."""
    return chart_with_rows(title, description, build_specification(drawn, height), rows, **options)


def build_specification(drawn: alt.TopLevelMixin, height: int = HEIGHT) -> dict[str, Any]:
    """Return the specification of a chart without its rows; Altair takes 10 ms for it."""
    spec: dict[str, Any] = _with_plain_titles(drawn.properties(width="container", height=height).to_dict())
    return spec | {"config": _CONFIG}


def chart_with_rows(title: str, description: str, spec: dict[str, Any], rows: Rows, **options: Any) -> Chart:
    """Return a chart from a specification and its rows."""
    return Chart(title, description, spec | {"data": {"values": rows}}, **options)


def _with_plain_titles(spec: Any) -> Any:
    """Return a specification with titles without line breaks and backslashes: Vega-Lite puts them into expressions."""
    if isinstance(spec, list):
        return [_with_plain_titles(part) for part in spec]
    if not isinstance(spec, dict):
        return spec
    plain = {key: _with_plain_titles(part) for key, part in spec.items()}
    if isinstance(title := plain.get("title"), str):
        plain["title"] = " ".join(safe_text(title).replace("\\", "\N{FULLWIDTH REVERSE SOLIDUS}").split())
    return plain


_MARKED = 500  # values; lines of more are drawn without a point for each
_ONE = "the only point"
_AS_LINES = alt.Legend(symbolType="stroke", symbolSize=400)


def draw_learning_curves(title: str, rows: Rows) -> Chart:
    """Draw a metric by epoch: one line a point and split.

    Parameters
    ----------
    rows : sequence of dict
        ``epoch``, ``value``, ``split`` (training or validation) and ``point``, the name of the parameter point.
    """
    splits = alt.Scale(domain=["training", "validation"])
    several = len(_point_names(rows)) > 1
    drawn = _lines(rows, x=alt.X("epoch:Q", title="Epoch", axis=alt.Axis(tickMinStep=1, grid=False)), label=title)
    drawn = (
        drawn.encode(strokeDash=alt.StrokeDash("split:N", title=None, scale=splits, legend=_AS_LINES))
        if several
        else drawn.encode(color=alt.Color("split:N", title=None, scale=splits))
    )
    drawn = drawn.encode(
        tooltip=[
            tooltip("point:N", "point"),
            tooltip("split:N", "split"),
            tooltip("epoch:Q", "epoch"),
            tooltip("value:Q", title),
        ]
    )
    described = "Mean of the repeats, in training and in validation."
    return _with_line_choice(
        f"{title} by epoch", described, drawn, rows, {"split": "split", "epoch": "epoch", "value": title}
    )


def draw_curves(title: str, x: str, label: str, rows: Rows) -> Chart:
    """Draw a table whose items are numbers: one line a point (``x``, ``value``, ``point``)."""
    drawn = _lines(rows, x=alt.X("x:Q", title=x, axis=alt.Axis(grid=False)), label=label).encode(order="x:Q")
    drawn = drawn.encode(tooltip=[tooltip("point:N", "point"), tooltip("x:Q", x), tooltip("value:Q", label)])
    return _with_line_choice(title, "Mean of the repeats.", drawn, rows, {"x": x, "value": label})


def draw_spectrum(title: str, label: str, rows: Rows) -> Chart:
    """Draw a table's values sorted, one line a point (``rank``, ``value``, ``point``)."""
    rank = alt.X("rank:Q", title="Rank", axis=alt.Axis(tickMinStep=1, grid=False), scale=alt.Scale(zero=False))
    drawn = _lines(rows, x=rank, label=label)
    drawn = drawn.encode(tooltip=[tooltip("point:N", "point"), tooltip("rank:Q", "rank"), tooltip("value:Q", label)])
    described = "From the highest to the lowest value, mean of the repeats."
    return _with_line_choice(f"{title}, sorted", described, drawn, rows, {"rank": "rank", "value": label})


def draw_over_time(title: str, label: str, rows: Rows) -> Chart:
    """Draw telemetry over the seconds since the start (``seconds``, ``value``, ``device``)."""
    several = len({row["device"] for row in rows}) > 1
    columns = {"device": "device", "seconds": "time since start (s)", "value": label}
    described = "Sampled while the program ran; neighboring samples are averaged."
    return chart_with_rows(title, described, _time_specification(label, several), rows, columns=columns)


@functools.cache  # every experiment of a study has the same ones
def _time_specification(label: str, several: bool) -> dict[str, Any]:
    drawn = (
        alt.Chart(DATA)
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X("seconds:Q", title="Time since start (s)", axis=alt.Axis(grid=False)),
            y=alt.Y("value:Q", title=label),
            color=alt.Color("device:N", title=None, legend=alt.Legend() if several else None),
        )
    )
    return build_specification(drawn, height=180)


def _lines(rows: Rows, x: alt.X, label: str) -> alt.Chart:
    """Return one line for each point, in different colors if there are several."""
    markers: dict[str, int] | bool = {"size": 22} if len(rows) <= _MARKED else False
    drawn: alt.Chart = alt.Chart(DATA).mark_line(point=markers)
    drawn = drawn.encode(x=x, y=alt.Y("value:Q", title=label, scale=alt.Scale(zero=False)), detail="point:N")
    if len(_point_names(rows)) > 1:
        drawn = drawn.encode(color=alt.Color("point:N", title=None, sort=None))
    return drawn


def _point_names(rows: Rows) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(row["point"]) for row in rows))


def _with_line_choice(title: str, described: str, drawn: alt.Chart, rows: Rows, columns: dict[str, str]) -> Chart:
    """Return a chart whose lines readers choose, if there are several."""
    named: list[Row] = [{**row, "point": row["point"] or _ONE} for row in rows]
    points = _point_names(named)
    several = len(points) > 1
    return make_chart(
        title,
        described,
        drawn,
        named,
        columns={"point": "point", **columns} if several else columns,
        lines=points if several else (),
    )


_ROW_HEIGHT, _HIGHEST = 19, 900
_WIDE = 50  # times the smallest value; above it the axis is logarithmic
_TICKED = 8  # values that each have a tick
_BAND = "Mean of the repeats with its 95 % interval."


def draw_by_parameter(parameter: str, title: str, label: str, rows: Rows, others: str, note: str = "") -> Chart:
    """Draw a quantity by a parameter: a point for every group with mean and, for repeats, its interval.

    Parameters
    ----------
    parameter : str
        Title of the horizontal axis.
    rows : sequence of dict
        ``x``, ``mean``, ``low``, ``high``, ``n``, ``series`` (the other parameters in words) and ``point``.
    others : str
        The title of the colors; empty if there are none.
    note : str
        Another sentence for its description.
    """
    numeric = all(isinstance(row["x"], int | float) and not isinstance(row["x"], bool) for row in rows)
    distinct = sorted({row["x"] for row in rows}) if numeric else []
    wide = len(distinct) > 2 and distinct[0] > 0 and distinct[-1] / distinct[0] > _WIDE
    scale = alt.Scale(type="log") if wide else alt.Scale(zero=False, padding=18)
    ticks = alt.Axis(values=distinct if len(distinct) <= _TICKED else alt.Undefined, grid=False)
    x = alt.X("x:Q", title=parameter, scale=scale, axis=ticks) if numeric else _category_axis(parameter)
    base = alt.Chart(DATA).encode(x=x, detail="series:N")
    if others:
        base = base.encode(color=alt.Color("series:N", title=others))
    layers = [_interval_bars(base, label), _points(base, label)]
    if numeric and len(rows) > 1:
        layers.insert(1, base.mark_line(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("mean:Q", title=label)))
    repeated = any(row["n"] > 1 for row in rows)
    described = _BAND if repeated else "One result for each point."
    return make_chart(f"{title} by {parameter}", f"{described} {note}".strip(), alt.layer(*layers), rows)


def draw_by_item(title: str, item: str, label: str, rows: Rows, where: str) -> Chart:
    """Draw a table's value for each of its items (``item``, ``value``)."""
    drawn = (
        alt.Chart(DATA)
        .mark_point(filled=True, size=60, opacity=1)
        .encode(
            x=alt.X("value:Q", title=label, axis=alt.Axis(tickCount=5), scale=alt.Scale(zero=False)),
            y=alt.Y("item:N", title=item, sort=None, axis=alt.Axis(grid=True, labelLimit=150, labelOverlap=True)),
            tooltip=[tooltip("item:N", item), tooltip("value:Q", label)],
        )
    )
    height = min(max(len(rows), 4) * _ROW_HEIGHT, _HIGHEST)
    return make_chart(title, where, drawn, rows, height, columns={"item": item, "value": label})


def draw_ratios(reference: str, rows: Rows) -> Chart:
    """Draw ratios to a reference machine with their intervals, on a logarithmic axis.

    Parameters
    ----------
    reference : str
        The machine that the others are compared with.
    rows : sequence of dict
        ``machine``, ``quantity``, ``ratio``, ``low`` and ``high``.
    """
    label = f"Ratio to {reference}"
    x = alt.X("ratio:Q", title=label, scale=alt.Scale(type="log", nice=False, padding=18), axis=alt.Axis(tickCount=6))
    base = alt.Chart(DATA).encode(
        y=alt.Y("machine:N", title=None, sort=None, axis=alt.Axis(labelLimit=150)),
        yOffset=alt.YOffset("quantity:N", sort=None),
        color=alt.Color("quantity:N", title=None, sort=None),
    )
    names = {"machine": "machine", "quantity": "quantity", "ratio": label, "low": "from", "high": "to"}
    tips = [
        tooltip(f"{name}:{'N' if name in {'machine', 'quantity'} else 'Q'}", title) for name, title in names.items()
    ]
    layers = [
        alt.Chart(DATA).mark_rule(color="#7a7a7a", strokeDash=[4, 3]).encode(x=alt.datum(1)),
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=label), x2="high:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(x=x, tooltip=tips),
    ]
    height = max(80, 2 * _ROW_HEIGHT * len({row["machine"] for row in rows}))
    described = "Left of 1 needs less than the reference. Lines are 95 % intervals of the ratio."
    return make_chart(f"Compared with {reference}", described, alt.layer(*layers), rows, height, columns=names)


def draw_estimates(title: str, unit: str, rows: Rows) -> Chart:
    """Draw estimates with their intervals over measured values, on logarithmic axes.

    Parameters
    ----------
    title, unit : str
        The quantity and its unit.
    rows : sequence of dict
        ``point``, ``measured``, ``estimate``, ``low``, ``high`` and ``within``.
    """
    label, measured = f"Estimate ({unit})", f"Measured ({unit})"
    scale = alt.Scale(type="log", nice=False, padding=18)
    base = alt.Chart(DATA).encode(
        x=alt.X("measured:Q", title=measured, scale=scale, axis=alt.Axis(tickCount=5)),
        color=alt.Color("within:N", title="Measured value"),
    )
    names = {
        "point": "point",
        "measured": measured,
        "estimate": label,
        "low": "from",
        "high": "to",
        "within": "measured value",
    }
    tips = [tooltip(f"{name}:{'N' if name in {'point', 'within'} else 'Q'}", text) for name, text in names.items()]
    layers = [
        alt.Chart(DATA).mark_line(color="#7a7a7a", strokeDash=[4, 3]).encode(x="measured:Q", y="measured:Q"),
        base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=label, scale=scale), y2="high:Q"),
        base.mark_point(filled=True, size=70, opacity=1).encode(y=alt.Y("estimate:Q", title=label), tooltip=tips),
    ]
    described = "On the dashed line an estimate is exact. Vertical lines are intervals."
    return make_chart(f"{title}: estimated and measured", described, alt.layer(*layers), rows, columns=names)


def draw_explorer(title: str, described: str, controls: dict[str, Any]) -> Chart:
    """Return a chart whose axes readers choose; the page's script fills it from the leaderboard.

    Parameters
    ----------
    controls : dict
        ``name``, as links name the chart; ``x``, ``y`` and ``color``, each a list of keys of the leaderboard's
        columns, the first of which is drawn at first; and ``front``, whether a line joins the best trade-offs.
    """
    base = alt.Chart(DATA).encode(
        x=alt.X("x:Q", title="x", scale=alt.Scale(zero=False, padding=18), axis=alt.Axis(grid=False)),
        detail="series:N",
        color=alt.Color("series:N", title="series"),
    )
    front = (
        alt.Chart(DATA)
        .transform_filter("datum.front")
        .mark_line(interpolate="step-after", strokeDash=[4, 3], strokeWidth=1.5, color="#7a7a7a")
        .encode(x="x:Q", y=alt.Y("mean:Q", title="y"))
    )
    layers = {
        "interval": _interval_bars(base, "y"),
        "line": base.mark_line(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("mean:Q", title="y")),
        "front": front,
        "points": _points(base, "y"),
    }
    drawn = alt.layer(*(layer.properties(name=name) for name, layer in layers.items()))
    return make_chart(title, described, drawn, [], controls=controls)


def _interval_bars(base: alt.Chart, label: str) -> alt.Chart:
    drawn: alt.Chart = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=label), y2="high:Q")
    return drawn


def _points(base: alt.Chart, label: str) -> alt.Chart:
    drawn: alt.Chart = base.mark_point(filled=True, size=70, opacity=1).encode(
        y=alt.Y("mean:Q", title=label, scale=alt.Scale(zero=False)),
        tooltip=[
            tooltip("point:N", "point"),
            tooltip("mean:Q", label),
            tooltip("n:Q", "n"),
            tooltip("low:Q", "from"),
            tooltip("high:Q", "to"),
        ],
    )
    return drawn


def _category_axis(title: str) -> alt.X:
    return alt.X("x:N", title=title, sort=None, axis=alt.Axis(labelAngle=0, labelLimit=140))
