"""The page Timeline: bars of what ran when, on which machine and node."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from fairmesh.api.html import counts_text
from fairmesh.api.status_cache import StatusCache
from fairmesh.monitor.context import show_live
from fairmesh.monitor.display import LETTER, LETTER_COLOR, running_time, state_color, tooltips
from fairmesh.printing import format_time
from fairmesh.runner.protocol import ENDS, RUNNING, STATES
from fairmesh.status import JobStatus
from fairmesh.status.model import ORDER
from fairmesh.status.states import STATE_LABELS, state_label

MAX_BARS = 200
STAGES = "stages"
SHORTEST = timedelta(milliseconds=1)  # the precision of recorded times
LANE_HEIGHT = 22  # pixels
DAY = 86_400_000  # milliseconds
_WIDTH = "(scale('x', datum.end) - scale('x', datum.start))"  # of a bar, in pixels
LEGEND = {"orient": "top", "title": None, "columns": 4, "symbolType": "square", "symbolStrokeWidth": 0}


def show() -> None:
    """Show the page."""
    show_live(_show_timeline)


def _show_timeline(cache: StatusCache) -> None:
    status = cache.status()
    bars = build_bars(status.jobs, status.now)
    nodes = sorted({bar.node for bar in bars})
    selected = _select_nodes(nodes) if len(nodes) > 1 else nodes
    matching = [bar for bar in bars if not selected or bar.node in selected]
    shown = matching[-MAX_BARS:]
    if not shown:
        st.info("Nothing has started yet.")
        return
    last = f"the last {len(shown)} of " if len(shown) < len(matching) else ""
    st.caption(f"{last}{len(matching):,} experiments and stages, each with its last attempt; times are in UTC")
    rows = pd.DataFrame([_position(bar, lane) | _texts(bar) for bar, lane in assign_lanes(shown)])
    st.vega_lite_chart(rows, timeline_chart(rows), width="stretch", alt=_text_alternative(shown))
    with st.expander("As a table"):
        table = pd.DataFrame([_texts(bar) for bar in reversed(shown)])
        st.dataframe(table, hide_index=True, alt="Bars, the last one first: id, node, state, time, beginning, end")


def _select_nodes(nodes: Sequence[str]) -> list[str]:
    return st.multiselect("Machines and nodes", nodes, key="nodes", bind="query-params", placeholder="All")


# ---- Bars ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Bar:
    """The last attempt of an experiment or stage.

    Parameters
    ----------
    job : JobStatus
        The experiment or stage.
    node : str
        The label of the machine and node on which it ran.
    start, end : datetime
        Its times by the clock of that node; a running one ends now.
    """

    job: JobStatus
    node: str
    start: datetime
    end: datetime


def build_bars(jobs: Iterable[JobStatus], now: str) -> list[Bar]:
    """Return a bar for each job whose program has started, in the order of their start."""
    bars = [_bar(job, now) for job in jobs if job.state == RUNNING or job.state in ENDS]
    return sorted(filter(None, bars), key=lambda bar: (bar.start, bar.job.id, bar.job.machine))


def _bar(job: JobStatus, now: str) -> Bar | None:
    start = _parse_time(job.started)
    if start is None:
        return None
    end = _parse_time(now if job.state == RUNNING else job.ended)
    if end is None:  # its end was not recorded: the last known moment
        end = start + timedelta(seconds=job.seconds.get(RUNNING, 0))
    node = f"{job.machine or STAGES} · {job.host or 'node unknown'}"
    return Bar(job, " ".join(node.split()), start, max(end, start + SHORTEST))


def _parse_time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo else None


def assign_lanes(bars: Sequence[Bar]) -> list[tuple[Bar, int]]:
    """Return the bars node by node, each with its lane there, from 0."""
    by_node: dict[str, list[Bar]] = {}
    for bar in sorted(bars, key=lambda bar: bar.node):
        by_node.setdefault(bar.node, []).append(bar)
    return [
        pair
        for own in by_node.values()
        for pair in zip(own, find_lanes([(bar.start.timestamp(), bar.end.timestamp()) for bar in own]), strict=True)
    ]


def find_lanes(spans: Sequence[tuple[float, float]]) -> list[int]:
    """Return for each span the first lane that is free when it begins, so that no two in one lane overlap.

    Parameters
    ----------
    spans : sequence of (float, float)
        Beginning and end, in any order of the spans; the end is after the beginning and not in the span.

    Examples
    --------
    >>> find_lanes([(0, 3), (1, 2), (2, 4), (3, 5)])
    [0, 1, 1, 0]
    """
    lanes = [0] * len(spans)
    busy: list[tuple[float, int]] = []  # end, lane
    free: list[int] = []
    for index in sorted(range(len(spans)), key=lambda index: spans[index]):
        begin, end = spans[index]
        while busy and busy[0][0] <= begin:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (end, lane))
        lanes[index] = lane
    return lanes


# ---- The chart -------------------------------------------------------------------------------------------------------


def _position(bar: Bar, lane: int) -> dict[str, Any]:
    """Return the place of a bar; the lane's name is the node, which is displayed, and a number, which is not."""
    times = {"start": bar.start.timestamp() * 1000, "end": bar.end.timestamp() * 1000}
    return {"lane": f"{bar.node}\n{lane}", **times}


def _texts(bar: Bar) -> dict[str, str]:
    job = bar.job
    return {
        "experiment": job.name,
        "node": bar.node,
        "state": state_label(job.state),
        "time": running_time(job) or "0 s",
        "began": format_time(job.started),
        "ended": format_time(job.ended) if job.ended else "",
    }


def _text_alternative(bars: Sequence[Bar]) -> str:
    """Return the content of the chart in words."""
    counts = {state: sum(bar.job.state == state for bar in bars) for state in STATES}
    first, last = min(bar.start for bar in bars), max(bar.end for bar in bars)
    when = f"from {format_time(first.isoformat())} to {format_time(last.isoformat())}"
    count = len({bar.node for bar in bars})
    return f"{len(bars)} bars on {count} node{'s' if count > 1 else ''} {when}: {counts_text(counts)}"


def timeline_chart(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the chart of bars in Vega-Lite; user-defined names are values in it, never fields."""
    labels = set(rows["state"])
    states = [state for state in ORDER if STATE_LABELS[state] in labels]
    return {
        "encoding": {
            "x": _time_axis(rows),
            "x2": {"field": "end"},
            "y": _lane_axis(list(dict.fromkeys(rows["lane"]))),
            "tooltip": tooltips("experiment", "state", "time", "began", "ended", "node"),
        },
        "layer": [_bar_layer(states), _letter_layer()],
        "height": {"step": LANE_HEIGHT},
        "autosize": {"type": "fit-x", "contains": "padding"},
    }


def _time_axis(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the axis of times, with the day if there are several."""
    days = {int(time) // DAY for name in ("start", "end") for time in rows[name]}
    axis = {"labelOverlap": True, "format": "%H:%M:%S" if len(days) == 1 else "%b %d %H:%M"}
    return {"field": "start", "type": "temporal", "scale": {"type": "utc"}, "title": "Time (UTC)", "axis": axis}


def _lane_axis(lanes: Sequence[str]) -> dict[str, Any]:
    label = "split(datum.value, '\\n')[1] == '0' ? split(datum.value, '\\n')[0] : ''"
    axis = {"labelExpr": label, "labelLimit": 160, "ticks": False, "domain": False}
    return {"field": "lane", "type": "nominal", "sort": list(lanes), "title": None, "axis": axis}


def _bar_layer(states: Sequence[str]) -> dict[str, Any]:
    """Return the bars with an outline, which has the state's color where a bar is so short that it hides the rest."""
    mark = {"type": "bar", "strokeWidth": 1, "cornerRadius": 2, "height": {"band": 0.8}}
    own = {"expr": "scale('color', datum.state)"}
    stroke = {"condition": {"test": f"{_WIDTH} < 4", "value": own}, "value": "#808080"}
    return {"mark": mark, "encoding": {"color": state_color(states, LEGEND), "stroke": stroke}}


def _letter_layer() -> dict[str, Any]:
    """Return the first letter of the state on each bar that is wide enough, so that color is not the only sign."""
    return {
        "transform": [LETTER],
        "mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 11},
        "encoding": {
            "x2": None,
            "text": {"field": "letter"},
            "opacity": {"condition": {"test": f"{_WIDTH} > 14", "value": 1}, "value": 0},
            "color": LETTER_COLOR,
        },
    }
