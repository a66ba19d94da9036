"""Charts of one experiment, as the website draws them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import streamlit as st

from fairmesh.monitor.look import plain
from fairmesh.results.metrics import readable
from fairmesh.results.series import Row
from fairmesh.site import line_charts
from fairmesh.site.charts import Chart

EPOCH = "epoch"
VALIDATION = "val_"


def history(rows: Sequence[Row]) -> Iterator[Chart]:
    """Draw what a program measured by epoch, training and validation in one chart."""
    columns = dict.fromkeys(name for row in rows for name in row)
    for name in dict.fromkeys(each.removeprefix(VALIDATION) for each in columns if each != EPOCH):
        drawn = [
            {"epoch": row[EPOCH], "value": row[column], "split": split, "point": ""}
            for column, split in ((name, "training"), (f"{VALIDATION}{name}", "validation"))
            for row in rows
            if isinstance(row.get(column), float) and isinstance(row.get(EPOCH), float)
        ]
        if drawn:
            yield line_charts.learning_curves(readable(name), drawn)


def show(chart: Chart) -> None:
    """Put a chart on the page."""
    st.markdown(f"**{plain(chart.title)}**")
    st.vega_lite_chart(chart.spec, width="stretch", alt=f"{chart.title}. {chart.description}")
