"""Charts of lines: what a program measured by epoch, by a number, by rank, or over time."""

from __future__ import annotations

import functools
from typing import Any

import altair as alt

from fairmesh.site.charts import DATA, Chart, Row, Rows, make, specification, tip, with_rows

_MARKED = 500  # values; the lines of more are drawn without a point for each
_ONE = "the only point"
_AS_LINES = alt.Legend(symbolType="stroke", symbolSize=400)


def learning_curves(title: str, rows: Rows) -> Chart:
    """Draw a metric by epoch: one line a point and split.

    Parameters
    ----------
    rows : sequence of dict
        ``epoch``, ``value``, ``split`` (training or validation) and ``point``, the name of the parameter point.
    """
    splits = alt.Scale(domain=["training", "validation"])
    several = len(_points(rows)) > 1
    drawn = _lines(rows, x=alt.X("epoch:Q", title="Epoch", axis=alt.Axis(tickMinStep=1, grid=False)), label=title)
    drawn = (
        drawn.encode(strokeDash=alt.StrokeDash("split:N", title=None, scale=splits, legend=_AS_LINES))
        if several
        else drawn.encode(color=alt.Color("split:N", title=None, scale=splits))
    )
    drawn = drawn.encode(
        tooltip=[tip("point:N", "point"), tip("split:N", "split"), tip("epoch:Q", "epoch"), tip("value:Q", title)]
    )
    described = "Mean of the repeats, in training and in validation."
    return _chosen(f"{title} by epoch", described, drawn, rows, {"split": "split", "epoch": "epoch", "value": title})


def curves(title: str, x: str, label: str, rows: Rows) -> Chart:
    """Draw a table whose items are numbers: one line a point (``x``, ``value``, ``point``)."""
    drawn = _lines(rows, x=alt.X("x:Q", title=x, axis=alt.Axis(grid=False)), label=label).encode(order="x:Q")
    drawn = drawn.encode(tooltip=[tip("point:N", "point"), tip("x:Q", x), tip("value:Q", label)])
    return _chosen(title, "Mean of the repeats.", drawn, rows, {"x": x, "value": label})


def spectrum(title: str, label: str, rows: Rows) -> Chart:
    """Draw a table's values sorted, one line a point (``rank``, ``value``, ``point``)."""
    rank = alt.X("rank:Q", title="Rank", axis=alt.Axis(tickMinStep=1, grid=False), scale=alt.Scale(zero=False))
    drawn = _lines(rows, x=rank, label=label)
    drawn = drawn.encode(tooltip=[tip("point:N", "point"), tip("rank:Q", "rank"), tip("value:Q", label)])
    described = "From the highest to the lowest value, mean of the repeats."
    return _chosen(f"{title}, sorted", described, drawn, rows, {"rank": "rank", "value": label})


def over_time(title: str, label: str, rows: Rows) -> Chart:
    """Draw telemetry over the seconds since the start (``seconds``, ``value``, ``device``)."""
    several = len({row["device"] for row in rows}) > 1
    columns = {"device": "device", "seconds": "time since start (s)", "value": label}
    described = "Sampled while the program ran; neighbouring samples are averaged."
    return with_rows(title, described, _over_time(label, several), rows, columns=columns)


@functools.cache  # every experiment of a study has the same ones
def _over_time(label: str, several: bool) -> dict[str, Any]:
    drawn = (
        alt.Chart(DATA)
        .mark_line(strokeWidth=1.5)
        .encode(
            x=alt.X("seconds:Q", title="Time since start (s)", axis=alt.Axis(grid=False)),
            y=alt.Y("value:Q", title=label),
            color=alt.Color("device:N", title=None, legend=alt.Legend() if several else None),
        )
    )
    return specification(drawn, height=180)


def _lines(rows: Rows, x: alt.X, label: str) -> alt.Chart:
    """Return a line a point, coloured by it where there are several."""
    markers: dict[str, int] | bool = {"size": 22} if len(rows) <= _MARKED else False
    drawn: alt.Chart = alt.Chart(DATA).mark_line(point=markers)
    drawn = drawn.encode(x=x, y=alt.Y("value:Q", title=label, scale=alt.Scale(zero=False)), detail="point:N")
    if len(_points(rows)) > 1:
        drawn = drawn.encode(color=alt.Color("point:N", title=None, sort=None))
    return drawn


def _points(rows: Rows) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(row["point"]) for row in rows))


def _chosen(title: str, described: str, drawn: alt.Chart, rows: Rows, columns: dict[str, str]) -> Chart:
    """Return a chart whose lines a reader chooses, if there are several."""
    named: list[Row] = [{**row, "point": row["point"] or _ONE} for row in rows]
    points = _points(named)
    several = len(points) > 1
    return make(
        title,
        described,
        drawn,
        named,
        columns={"point": "point", **columns} if several else columns,
        lines=points if several else (),
    )
