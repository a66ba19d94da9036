"""Charts of points: a quantity by a parameter, by an item, against another quantity."""

from __future__ import annotations

from typing import Any

import altair as alt

from fairmesh.site.charts import DATA, Chart, Rows, make, tip

_ROW_HEIGHT, _HIGHEST = 19, 900
_WIDE = 50  # times the smallest value: then the axis is logarithmic
_TICKED = 8  # values that each get a tick
_BAND = "Mean of the repeats with its 95 % interval."


def by_parameter(parameter: str, title: str, label: str, rows: Rows, others: str, note: str = "") -> Chart:
    """Draw a quantity by a parameter: a point for every group with mean and, for repeats, its interval.

    Parameters
    ----------
    parameter : str
        Title of the horizontal axis.
    rows : sequence of dict
        ``x``, ``mean``, ``low``, ``high``, ``n``, ``series`` (the other parameters in words) and ``point``.
    others : str
        What the colours stand for; empty if there are no colours.
    note : str
        A further sentence for its description.
    """
    numeric = all(isinstance(row["x"], int | float) and not isinstance(row["x"], bool) for row in rows)
    distinct = sorted({row["x"] for row in rows}) if numeric else []
    wide = len(distinct) > 2 and distinct[0] > 0 and distinct[-1] / distinct[0] > _WIDE
    scale = alt.Scale(type="log") if wide else alt.Scale(zero=False, padding=18)
    ticks = alt.Axis(values=distinct if len(distinct) <= _TICKED else alt.Undefined, grid=False)
    x = alt.X("x:Q", title=parameter, scale=scale, axis=ticks) if numeric else _named(parameter)
    base = alt.Chart(DATA).encode(x=x, detail="series:N")
    if others:
        base = base.encode(color=alt.Color("series:N", title=others))
    layers = [_interval(base, label), _points(base, label)]
    if numeric and len(rows) > 1:
        layers.insert(1, base.mark_line(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("mean:Q", title=label)))
    repeated = any(row["n"] > 1 for row in rows)
    described = _BAND if repeated else "One result for each point."
    return make(f"{title} by {parameter}", f"{described} {note}".strip(), alt.layer(*layers), rows)


def by_item(title: str, item: str, label: str, rows: Rows, where: str) -> Chart:
    """Draw a table's value for each of its items (``item``, ``value``)."""
    drawn = (
        alt.Chart(DATA)
        .mark_point(filled=True, size=60, opacity=1)
        .encode(
            x=alt.X("value:Q", title=label, axis=alt.Axis(tickCount=5), scale=alt.Scale(zero=False)),
            y=alt.Y("item:N", title=item, sort=None, axis=alt.Axis(grid=True, labelLimit=150, labelOverlap=True)),
            tooltip=[tip("item:N", item), tip("value:Q", label)],
        )
    )
    height = min(max(len(rows), 4) * _ROW_HEIGHT, _HIGHEST)
    return make(title, where, drawn, rows, height, columns={"item": item, "value": label})


def explorer(title: str, described: str, controls: dict[str, Any]) -> Chart:
    """Return a chart whose axes a reader chooses; the page's script fills it from the leaderboard.

    Parameters
    ----------
    controls : dict
        ``name``, by which a link names the chart; ``x``, ``y`` and ``colour``, each a list of keys of the
        leaderboard's columns, the first of which is drawn at first; and ``front``, whether the best trade-offs are
        joined.
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
        "interval": _interval(base, "y"),
        "line": base.mark_line(strokeWidth=1.5, opacity=0.6).encode(y=alt.Y("mean:Q", title="y")),
        "front": front,
        "points": _points(base, "y"),
    }
    drawn = alt.layer(*(layer.properties(name=name) for name, layer in layers.items()))
    return make(title, described, drawn, [], controls=controls)


def _interval(base: alt.Chart, label: str) -> alt.Chart:
    drawn: alt.Chart = base.mark_rule(strokeWidth=2).encode(y=alt.Y("low:Q", title=label), y2="high:Q")
    return drawn


def _points(base: alt.Chart, label: str) -> alt.Chart:
    drawn: alt.Chart = base.mark_point(filled=True, size=70, opacity=1).encode(
        y=alt.Y("mean:Q", title=label, scale=alt.Scale(zero=False)),
        tooltip=[
            tip("point:N", "point"),
            tip("mean:Q", label),
            tip("n:Q", "n"),
            tip("low:Q", "from"),
            tip("high:Q", "to"),
        ],
    )
    return drawn


def _named(title: str) -> alt.X:
    return alt.X("x:N", title=title, sort=None, axis=alt.Axis(labelAngle=0, labelLimit=140))
