"""The chart of the page Timeline; what a user named is a value in it, never a field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from fairmesh.monitor import vega
from fairmesh.monitor.bars import Bar
from fairmesh.status.model import ORDER

LANE = 22  # pixels
DAY = 86_400_000  # milliseconds
_WIDTH = "(scale('x', datum.end) - scale('x', datum.start))"  # of a bar, in pixels
LEGEND = {"orient": "top", "title": None, "columns": 4, "symbolType": "square", "symbolStrokeWidth": 0}


def row(bar: Bar, lane: int) -> dict[str, Any]:
    """Return what places a bar; its lane is told by the node and a number, of which people see the node alone."""
    times = {"start": bar.start.timestamp() * 1000, "end": bar.end.timestamp() * 1000}
    return {"lane": f"{bar.node}\n{lane}", **times}


def drawing(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the chart of rows that also say ``id``, ``state``, ``time``, ``began``, ``ended`` and ``node``."""
    lanes = list(dict.fromkeys(rows["lane"]))
    return {
        "encoding": {
            "x": _time(_format(rows)),
            "x2": {"field": "end"},
            "y": _lanes(lanes),
            "tooltip": vega.tips("id", "state", "time", "began", "ended", "node"),
        },
        "layer": [_bars([state for state in ORDER if state in set(rows["state"])]), _letters()],
        "height": {"step": LANE},
        "autosize": {"type": "fit-x", "contains": "padding"},
    }


def _time(shown: str) -> dict[str, Any]:
    axis = {"labelOverlap": True, "format": shown}
    return {"field": "start", "type": "temporal", "scale": {"type": "utc"}, "title": "Time (UTC)", "axis": axis}


def _format(rows: pd.DataFrame) -> str:
    """Return how times are written on the axis: with the day if there are several."""
    days = {int(time) // DAY for name in ("start", "end") for time in rows[name]}
    return "%H:%M:%S" if len(days) == 1 else "%b %d %H:%M"


def _lanes(names: Sequence[str]) -> dict[str, Any]:
    label = "split(datum.value, '\\n')[1] == '0' ? split(datum.value, '\\n')[0] : ''"
    axis = {"labelExpr": label, "labelLimit": 160, "ticks": False, "domain": False}
    return {"field": "lane", "type": "nominal", "sort": list(names), "title": None, "axis": axis}


def _bars(states: Sequence[str]) -> dict[str, Any]:
    """Return the bars, with a line around each; of a short one nothing else is seen, so it has the state's colour."""
    mark = {"type": "bar", "strokeWidth": 1, "cornerRadius": 2, "height": {"band": 0.8}}
    own = {"expr": "scale('color', datum.state)"}
    stroke = {"condition": {"test": f"{_WIDTH} < 4", "value": own}, "value": "#808080"}
    return {"mark": mark, "encoding": {"color": vega.colour(states, LEGEND), "stroke": stroke}}


def _letters() -> dict[str, Any]:
    """Return the first letter of a state on its bar, where there is room: it is not told by the colour alone."""
    return {
        "transform": [vega.LETTER],
        "mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 11},
        "encoding": {
            "x2": None,
            "text": {"field": "letter"},
            "opacity": {"condition": {"test": f"{_WIDTH} > 14", "value": 1}, "value": 0},
            "color": vega.LETTER_COLOUR,
        },
    }
