"""The page Timeline: what ran when, on which machine and node."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from fairmesh.api.html import counts_text
from fairmesh.api.status_cache import StatusCache
from fairmesh.monitor import gantt
from fairmesh.monitor.bars import Bar, bars, in_lanes
from fairmesh.monitor.current import live
from fairmesh.monitor.look import elapsed
from fairmesh.printing import format_time
from fairmesh.runner.protocol import STATES

SHOWN = 200  # bars


def show() -> None:
    """Show the page."""
    live(_timeline)


def _timeline(cache: StatusCache) -> None:
    status = cache.status()
    found = bars(status.jobs, status.now)
    nodes = sorted({bar.node for bar in found})
    chosen = _chosen(nodes) if len(nodes) > 1 else nodes
    wanted = [bar for bar in found if not chosen or bar.node in chosen]
    shown = wanted[-SHOWN:]
    if not shown:
        st.info("Nothing has begun yet.")
        return
    last = f"the last {len(shown)} of " if len(shown) < len(wanted) else ""
    st.caption(f"{last}{len(wanted):,} experiments and stages, each by its last attempt; times are in UTC")
    placed = in_lanes(shown)
    rows = pd.DataFrame([gantt.row(bar, lane) | _texts(bar) for bar, lane in placed])
    st.vega_lite_chart(rows, gantt.drawing(rows), width="stretch", alt=_alternative(shown))
    with st.expander("As a table"):
        _table(shown)


def _chosen(nodes: Sequence[str]) -> list[str]:
    return st.multiselect("Machines and nodes", nodes, key="nodes", bind="query-params", placeholder="all")


def _texts(bar: Bar) -> dict[str, str]:
    job = bar.job
    return {
        "id": job.id,
        "node": bar.node,
        "state": job.state,
        "time": elapsed(job) or "0 s",
        "began": format_time(job.started),
        "ended": format_time(job.ended) if job.ended else "",
    }


def _alternative(shown: Sequence[Bar]) -> str:
    """Say in words what the chart shows."""
    counts = {state: sum(bar.job.state == state for bar in shown) for state in STATES}
    first, last = min(bar.start for bar in shown), max(bar.end for bar in shown)
    when = f"from {format_time(first.isoformat())} to {format_time(last.isoformat())}"
    count = len({bar.node for bar in shown})
    return f"{len(shown)} bars on {count} node{'s' if count > 1 else ''} {when}: {counts_text(counts)}"


def _table(shown: Sequence[Bar]) -> None:
    table = pd.DataFrame([_texts(bar) for bar in reversed(shown)])
    st.dataframe(table, hide_index=True, alt="What ran, the last one first: id, node, state, time, beginning, end")
